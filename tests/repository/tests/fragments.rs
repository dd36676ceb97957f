//! Code in documents is code of this repository.

use std::{fs, path::Path};

const MARK: &str = "<!-- from ";

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The file and the code of each marked block in a document.
fn fragments(document: &str) -> Vec<(&str, &str)> {
    let fragment = |block| {
        let (path, rest) = str::split_once(block, " -->\n```rust\n").expect("a mark precedes a block of Rust");
        let (code, _) = rest.split_once("\n```\n").expect("the block ends");
        (path, code)
    };
    document.split(MARK).skip(1).map(fragment).collect()
}

#[test]
fn fragments_in_documents_match_their_files() {
    let mut checked = 0;
    for entry in fs::read_dir(root().join("docs")).expect("there are documents") {
        let path = entry.expect("the folder is readable").path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let document = fs::read_to_string(&path).expect("the document is readable");
        for (file, code) in fragments(&document) {
            let source = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(source.contains(code), "{}: this is not in {file}:\n{code}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 8, "docs/extending.md shows the second domain");
}
