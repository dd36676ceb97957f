//! Every rule holds for the whole repository. `cargo run -p repository -- FOLDER` prints the findings of one folder.

use std::sync::LazyLock;

use repository::{CHECKS, Repository};

static REPOSITORY: LazyLock<Repository> =
    LazyLock::new(|| Repository::of_this_crate().expect("failed to read the repository"));

/// Fails with all findings of a rule.
fn assert_clean(rule: &str) {
    let (_, check) = CHECKS.iter().find(|(name, _)| *name == rule).expect("a known rule");
    let findings = check(&REPOSITORY);
    let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn modules_are_acyclic() {
    assert_clean("modules");
}

#[test]
fn folders_are_small() {
    assert_clean("folders");
}

#[test]
fn public_items_of_shared_crates_have_docs() {
    assert_clean("public-docs");
}

#[test]
fn type_names_stand_for_at_most_two_things() {
    assert_clean("type-names");
}

#[test]
fn test_names_are_short_and_plain() {
    assert_clean("test-names");
}

#[test]
fn generic_crates_do_not_name_the_order_domain() {
    assert_clean("domain");
}

#[test]
fn doc_comments_open_with_noun_or_verb() {
    assert_clean("doc-openings");
}

#[test]
fn prose_avoids_banned_turns() {
    assert_clean("turns");
}

#[test]
fn documents_name_only_existing_things() {
    assert_clean("documents");
}
