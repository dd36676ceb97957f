//! Production binaries contain no fault injection.

use std::fs;
use std::path::PathBuf;

use xtask::ServiceName;

/// The variables that request faults, and the name of a crash point.
const MARKERS: [&str; 3] = ["PLANTED_BUG", "CRASH_FILE", "before-inbox"];

fn binary(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    program.ancestors().nth(2).expect("a program is in a folder").join(name)
}

/// The markers that a binary contains.
fn found_in(name: &str) -> Vec<&'static str> {
    let path = binary(name);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = String::from_utf8_lossy(&bytes);
    MARKERS.into_iter().filter(|marker| text.contains(marker)).collect()
}

#[test]
fn only_faulty_binaries_contain_fault_injection() {
    for service in ServiceName::all() {
        assert_eq!(found_in(service.name()), Vec::<&str>::new(), "{service}");
        assert_eq!(found_in(&format!("faulty-{service}")), MARKERS, "faulty-{service}");
    }
}
