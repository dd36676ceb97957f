//! What people run has neither bugs nor crashes on demand.

use std::fs;
use std::path::PathBuf;

use xtask::ServiceName;

/// The variables that ask for them, and a name that only the crashes use.
const ASKS: [&str; 3] = ["PLANTED_BUG", "CRASH_FILE", "before-inbox"];

fn binary(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    program.ancestors().nth(2).expect("a program is in a folder").join(name)
}

/// Which of these texts are in a binary.
fn found_in(name: &str) -> Vec<&'static str> {
    let path = binary(name);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = String::from_utf8_lossy(&bytes);
    ASKS.into_iter().filter(|ask| text.contains(ask)).collect()
}

#[test]
fn the_services_do_not_know_how_to_be_asked_for_a_bug_or_a_crash() {
    for service in ServiceName::all() {
        assert_eq!(found_in(service.name()), Vec::<&str>::new(), "{service}");
        assert_eq!(found_in(&format!("faulty-{service}")), ASKS, "the test build of {service}");
    }
}
