//! Runs `cargo saga contracts check` on this checkout as part of `cargo test`.

use contract_tools::{CodeContracts, ContractsFolder, check};

#[test]
fn released_contracts_are_unchanged_or_upcast() {
    let folder = ContractsFolder::of_this_checkout();
    let released = folder.released().expect("shared/contracts/released.json");
    let report = check(&CodeContracts::built_in(), &released, &folder.history(&released));
    assert!(report.problems.is_empty(), "see `cargo saga contracts`:\n{report}");
}

#[test]
fn every_event_is_released_and_one_twice() {
    let released = ContractsFolder::of_this_checkout().released().expect("shared/contracts/released.json");
    let placed = released.all().filter(|(event, ..)| *event == "OrderPlaced").map(|(_, version, _)| version);
    assert_eq!(placed.take(2).collect::<Vec<_>>(), ["2026-10", "2026-11"], "two versions prove the upgrade path");
    for event in CodeContracts::built_in().events {
        assert!(released.newest(&event.name).is_some(), "{} must be released with its first use", event.name);
    }
}
