//! The committed documents are what the code says. `UPDATE_EXPECT=1 cargo test -p model` writes them.

use std::{fmt::Write as _, fs, path::PathBuf};

use expect_test::expect_file;
use model::documents::{asyncapi, board, markdown, sequence::WAYS};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."))
}

fn check(path: &str, expected: &str) {
    expect_file![root().join(path)].assert_eq(expected);
}

#[test]
fn asyncapi() {
    check("docs/asyncapi.json", &format!("{:#}\n", asyncapi::document()));
}

#[test]
fn event_modeling_board() {
    check("docs/event-model.svg", &board::svg());
}

#[test]
fn the_whole_choreography() {
    let mut page = "# The choreography\n\nGenerated from the services' code by `UPDATE_EXPECT=1 cargo test -p model`; \
                    the tests prove that the code does this and nothing else.\n\n## Who reacts to what\n\n"
        .to_owned();
    page += &markdown::saga_table();
    page += "\n## Commands and what may come of them\n\n";
    page += &markdown::reactions_table();
    page += "\n## The flow of events\n\n";
    page += &markdown::flow();
    page += "\n## How an order can go\n\nEach of these is a run of the real deciders.\n";
    for way in WAYS {
        write!(page, "\n### {}\n\n{}", way.title, way.diagram()).expect("a String takes all");
    }
    page += "\n## Event Modeling\n\n![Event Modeling board](event-model.svg)\n";
    check("docs/choreography.md", &page);
}

#[test]
fn what_the_readme_shows_of_it() {
    let readme = fs::read_to_string(root().join("README.md")).expect("there is a README");
    let generated = markdown::replace_between(&readme, "saga table", &markdown::saga_table());
    let generated = generated.expect("the README has a place for the table");
    check("README.md", &generated);
}
