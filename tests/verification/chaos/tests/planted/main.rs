//! Tests of the checker: it must report violations for every planted bug, and none without a bug.

mod domain;
mod product;
mod runtime;

use std::path::PathBuf;

/// A binary in the folder of the services.
fn binary(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    program.ancestors().nth(2).expect("a program is in a folder").join(name)
}
