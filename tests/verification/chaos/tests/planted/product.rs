//! Production binaries contain no fault injection.

use std::fs;

use xtask::ServiceName;

use crate::binary;

/// The variables that request faults, and the name of a crash point.
const MARKERS: [&str; 3] = ["PLANTED_BUG", "CRASH_FILE", "before-load"];

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
