//! Words of the order domain in crates that must not know it.

use std::sync::LazyLock;

use regex::Regex;

use crate::{Finding, Repository, repository::SourceFile, rust};

/// Crates that serve any domain.
pub const GENERIC: [&str; 8] =
    ["cloudevent", "decider", "decider-testing", "store", "messaging", "web", "telemetry", "runtime"];

static DOMAIN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"order_ids?\b|OrderId|order\.id\b|of_order|of_sku|\b[Ss]kus?\b|\bSKUs?\b|CancelReason|[Oo]rder[- ][Ss]aga|order_saga|\bOrder(Placed|Confirmed|Cancelled|Event|CancellationRequested)|\b(Stock|Payment|Shipment|Shipping|Inventory)[A-Z]\w+|\border\.events|\b(inventory|payments?|shipping|shipments?|refunds?|customers?|carrier|warehouse)\b|\b(an|this|that|each|every|one|whose|new) order\b|\borders\b";
    Regex::new(pattern).expect("valid pattern")
});

/// Finds words of the order domain in the production sources of generic crates.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let sources = repository.rust_files().filter(|file| is_generic_source(&file.path));
    sources.flat_map(check_file).collect()
}

fn is_generic_source(path: &str) -> bool {
    let inside = GENERIC.iter().find_map(|name| path.strip_prefix(&format!("shared/{name}/src/")));
    inside
        .is_some_and(|path| !path.split('/').any(|part| part == "tests" || part == "tests.rs" || part == "benches.rs"))
}

/// Migrations name the columns of released databases, whatever they are called now.
fn is_migration(path: &str, word: &str) -> bool {
    word == "order_id" && (path.ends_with("/schema.rs") || path.ends_with("/migrations.rs"))
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let test_only = rust::test_only_lines(&rust::parse(file));
    let lines = file
        .text
        .lines()
        .zip(1..)
        .filter(|(_, number)| !test_only.iter().any(|(first, last)| (first..=last).contains(&number)));
    let found = lines.filter_map(|(line, number)| {
        let word = DOMAIN.find_iter(line).find(|word| !is_migration(&file.path, word.as_str()))?;
        Some(Finding::new(&file.path, number, format!("generic crate names the order domain: `{}`", word.as_str())))
    });
    found.collect()
}
