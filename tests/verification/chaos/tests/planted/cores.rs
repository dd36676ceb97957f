//! Bugs in a service's own part, among faults of every kind: wrappers of its decider or of its calls to the outside.

use std::path::PathBuf;
use std::time::Duration;

use chaos::{
    check::Rule,
    faults::plan::Size,
    report::report,
    run::{ChaosResult, ChaosRun},
    system::SystemConfig,
};
use xtask::{Broker, Progress, ServiceName, broker_from_env};

/// Ten seconds of faults, with a broker that others use, too.
const SIZE: Size = Size { orders: 260, orders_per_second: 26, broker_kills: None, instances: 1 };
/// A bug may leave orders that never end: longer than those take that do.
const PATIENCE: Duration = Duration::from_secs(30);

/// A binary beside the services' own.
fn binary(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a program has a path");
    program.ancestors().nth(2).expect("a program is in a folder").join(name)
}

/// The suite with one service exchanged, or none.
fn run(planted: Option<(ServiceName, &str)>) -> ChaosResult {
    let binaries = planted.map(|(service, name)| (service, binary(name))).into_iter().collect();
    let subject = SystemConfig { binaries, ..SystemConfig::default() };
    let run = ChaosRun { quiescence_timeout: PATIENCE, config: subject, ..ChaosRun::new(1, SIZE) };
    let broker = broker_from_env().and_then(|address| Broker::at(&address)).expect("a broker");
    let outcome = run.on(broker, Progress::quiet()).unwrap_or_else(|error| panic!("{error:#}"));
    println!("{}", report(&outcome));
    outcome
}

#[track_caller]
fn must_be_caught(service: ServiceName, binary: &str, by: Rule) {
    let outcome = run(Some((service, binary)));
    assert!(outcome.violations.iter().any(|violation| violation.rule == by), "{:?}", outcome.violations);
}

#[test]
fn a_suite_without_a_planted_bug_breaks_no_rule() {
    assert_eq!(run(None).violations, []);
}

#[test]
fn a_refund_that_is_not_made_is_caught() {
    must_be_caught(ServiceName::Payment, "payment-never-refunds", Rule::Money);
}

#[test]
fn a_gateways_late_success_that_is_ignored_is_caught() {
    must_be_caught(ServiceName::Payment, "payment-gives-up-early", Rule::Money);
}

#[test]
fn a_release_that_is_made_twice_is_caught() {
    must_be_caught(ServiceName::Inventory, "inventory-releases-twice", Rule::Stock);
}
