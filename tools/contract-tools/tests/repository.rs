//! The contracts of this checkout keep the rules, so that `cargo test` says what `cargo saga contracts check` says.

use contract_tools::{Code, Folder, check};

#[test]
fn no_released_contract_has_changed_without_a_new_version_and_a_way_to_it() {
    let folder = Folder::of_this_checkout();
    let released = folder.released().expect("shared/contracts/released.json");
    let report = check(&Code::built_in(), &released, &folder.history(&released));
    assert!(report.problems.is_empty(), "see `cargo saga contracts`:\n{report}");
}

#[test]
fn every_event_was_released_and_one_of_them_twice() {
    let released = Folder::of_this_checkout().released().expect("shared/contracts/released.json");
    let placed = released.all().filter(|(event, ..)| *event == "OrderPlaced").map(|(_, version, _)| version);
    assert_eq!(placed.take(2).collect::<Vec<_>>(), ["2026-10", "2026-11"], "what proves the path stays");
    for event in Code::built_in().events {
        assert!(released.newest(&event.name).is_some(), "{} is released with its first use", event.name);
    }
}
