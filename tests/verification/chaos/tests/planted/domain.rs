//! Bugs of one service, under faults of every kind: decorators of its decider or of its provider client.

use std::time::Duration;

use chaos::{
    check::Rule,
    faults::plan::Size,
    report::report,
    run::{ChaosResult, ChaosRun},
    system::SystemConfig,
};
use xtask::{Broker, Progress, ServiceName, broker_from_env};

use crate::binary;

/// Ten seconds of faults, on a shared broker.
const SIZE: Size = Size { orders: 260, orders_per_second: 26, broker_kills: None, instances: 1 };
/// Longer than any order takes to become final. Because of a bug, some never become final.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the suite, with one service replaced if `planted` names one.
fn run(planted: Option<(ServiceName, &str)>) -> ChaosResult {
    let binaries = planted.map(|(service, name)| (service, binary(name))).into_iter().collect();
    let subject = SystemConfig { binaries, ..SystemConfig::default() };
    let run = ChaosRun { quiescence_timeout: PATIENCE, config: subject, ..ChaosRun::new(1, SIZE) };
    let broker = broker_from_env().and_then(|address| Broker::external(&address)).expect("a broker");
    let outcome = run.on(broker, Progress::quiet()).unwrap_or_else(|error| panic!("{error:#}"));
    println!("{}", report(&outcome));
    outcome
}

#[track_caller]
fn assert_caught(service: ServiceName, binary: &str, by: Rule) {
    let outcome = run(Some((service, binary)));
    assert!(outcome.violations.iter().any(|violation| violation.rule == by), "{:?}", outcome.violations);
}

#[test]
fn checker_reports_nothing_without_a_planted_bug() {
    assert_eq!(run(None).violations, []);
}

#[test]
fn checker_reports_missing_refunds() {
    assert_caught(ServiceName::Payment, "payment-never-refunds", Rule::Money);
}

#[test]
fn checker_reports_ignored_late_captures() {
    assert_caught(ServiceName::Payment, "payment-gives-up-early", Rule::Money);
}

#[test]
fn checker_reports_stock_released_twice() {
    assert_caught(ServiceName::Inventory, "inventory-releases-twice", Rule::Stock);
}
