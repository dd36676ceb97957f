//! The committed documents equal the generated ones. `UPDATE_EXPECT=1 cargo test -p model` updates them.

use std::{fmt::Write as _, fs, path::PathBuf};

use expect_test::expect_file;
use model::documents::{asyncapi, board, markdown, sequence::RUNS};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."))
}

fn check(path: &str, expected: &str) {
    expect_file![root().join(path)].assert_eq(expected);
}

#[test]
fn asyncapi_document_is_current() {
    check("docs/asyncapi.json", &format!("{:#}\n", asyncapi::document()));
}

#[test]
fn event_modeling_board_is_current() {
    check("docs/event-model.svg", &board::svg());
}

#[test]
fn choreography_page_is_current() {
    let mut page = "# Choreography\n\nGenerated from the services' code by `UPDATE_EXPECT=1 cargo test -p model`. The \
                    model verifies that the services do exactly this.\n\n## Reactions\n\n"
        .to_owned();
    page += &markdown::saga_table();
    page += "\n## Commands and resulting events\n\n";
    page += &markdown::reactions_table();
    page += "\n## Flow of events\n\n";
    page += &markdown::flow();
    page += "\n## Outcomes of an order\n\nEach diagram shows a run of the real deciders.\n";
    for run in RUNS {
        write!(page, "\n### {}\n\n{}", run.title, run.diagram()).expect("writing to a String cannot fail");
    }
    page += "\n## Event Modeling\n\n![Event Modeling board](event-model.svg)\n";
    check("docs/choreography.md", &page);
}

#[test]
fn readme_table_is_current() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let generated = markdown::replace_between(&readme, "saga table", &markdown::saga_table());
    let generated = generated.expect("markers of the table");
    check("README.md", &generated);
}
