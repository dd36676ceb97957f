//! Paths of the binaries that tests run.

use std::path::PathBuf;

use catalog::ServiceName;

/// Binary of a service.
#[track_caller]
pub fn binary(service: ServiceName) -> PathBuf {
    binary_named(service.name())
}

/// Binary of the order service that knows `OrderPlaced` in version 2026-10.
#[track_caller]
pub fn previous_order_binary() -> PathBuf {
    binary_named("order-2026-10")
}

/// Binary of the operator's command.
#[track_caller]
pub(crate) fn sagactl_binary() -> PathBuf {
    binary_named("sagactl")
}

/// Binary of a service with a planted bug; see `tests/verification/planted`.
#[track_caller]
pub fn planted_binary(name: &str) -> PathBuf {
    binary_named(name)
}

/// Looks one directory above the test binary, where cargo puts binaries.
#[track_caller]
fn binary_named(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("the path of the test binary is known");
    let path = program.ancestors().nth(2).expect("the test binary is in a directory").join(name);
    assert!(path.is_file(), "{} does not exist; build it with `cargo build --workspace --bins`", path.display());
    path
}
