//! Bugs of the runtime, each with the fault that exposes it.

use std::time::Duration;

use anyhow::Result;
use chaos::check::{Rule, Violation};
use chaos::crash::Crash;
use chaos::faults::refusal::Refusal;
use chaos::load::scripted_order::ScriptedOrder;
use chaos::supervisor::supervised;
use chaos::system::SystemConfig;
use chaos::trial::{QuiescenceTimeouts, ScriptedRun, ScriptedRunResult};
use xtask::{Broker, ServiceName, broker_from_env, wait_until};

/// Maximum orders per suite.
const ORDERS: u32 = 20;
/// Short, because all other orders are final by the time the run waits for the lost order.
const SHORT: QuiescenceTimeouts =
    QuiescenceTimeouts { orders: Duration::from_secs(4), settling: Duration::from_secs(4) };
/// The same as after any other fault.
const LONG: QuiescenceTimeouts =
    QuiescenceTimeouts { orders: Duration::from_mins(1), settling: Duration::from_secs(30) };
/// Delays the records of the order service between the producer and the broker.
const LINGER: Variable = (Some(ServiceName::Order), "KAFKA_LINGER_MS", "3000");

/// An environment variable of one service, or of all.
type Variable = (Option<ServiceName>, &'static str, &'static str);

/// A fault injected while orders are in progress.
type ScheduledFault = fn(&ScriptedRun) -> Result<()>;

/// Runs a suite with the fault and checks it.
fn run(environment: &[Variable], fault: ScheduledFault, patience: QuiescenceTimeouts) -> ScriptedRunResult {
    let environment = environment.iter().map(|(service, name, value)| (*service, (*name).into(), (*value).into()));
    let subject = SystemConfig { environment: environment.collect(), ..SystemConfig::default() };
    let broker = broker_from_env().and_then(|address| Broker::external(&address)).expect("a broker");
    let trial = ScriptedRun::start(broker, subject, ORDERS).expect("the suite starts");
    supervised(trial.system(), || fault(&trial)).unwrap_or_else(|error| panic!("{error:#}"));
    trial.finish(patience).unwrap_or_else(|error| panic!("{error:#}"))
}

#[track_caller]
fn assert_caught(bug: &'static str, fault: ScheduledFault, by: Rule, saying: &str) {
    assert_caught_with(bug, &[], fault, by, saying);
}

#[track_caller]
fn assert_caught_with(bug: &'static str, environment: &[Variable], fault: ScheduledFault, by: Rule, saying: &str) {
    let environment = [&[(None, "PLANTED_BUG", bug)], environment].concat();
    let verdict = run(&environment, fault, SHORT);
    println!("{bug}: {:.1} s", verdict.took.as_secs_f64());
    for violation in &verdict.violations {
        println!("  {violation}");
    }
    let is_it = |violation: &Violation| violation.rule == by && violation.detail.contains(saying);
    assert!(verdict.violations.iter().any(is_it), "{by:?} does not report '{saying}' for {bug}");
}

/// Crashes a service with one order. A second order shows that the service continues.
fn crash(trial: &ScriptedRun, service: ServiceName, point: &'static str, event: &'static str) -> Result<()> {
    trial.arm(&Crash { service, point, event })?;
    trial.place_scripted(ScriptedOrder::Sold)?;
    trial.wait_for_crashes()?;
    trial.run_scripted(ScriptedOrder::Sold).map(drop)
}

fn nothing(trial: &ScriptedRun) -> Result<()> {
    trial.run_scripted(ScriptedOrder::Sold).map(drop)
}

fn undecided(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Payment, "before-commit", "StockReserved")
}

fn uncommitted(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Inventory, "before-commit", "OrderPlaced")
}

fn unsent(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Order, "after-mark-published", "OrderPlaced")
}

fn unmarked(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Inventory, "after-publish", "StockReserved")
}

fn refused(trial: &ScriptedRun) -> Result<()> {
    trial.run_scripted(ScriptedOrder::Sold)?;
    let refusal = Refusal::begin(trial.system(), "order.events")?;
    trial.place_scripted(ScriptedOrder::Sold)?;
    wait_until("the broker to refuse the record", Duration::from_secs(20), || {
        let log = trial.system().log(ServiceName::Order).map_err(|error| error.to_string())?;
        if log.contains("failed to publish") { Ok(()) } else { Err("no refusal".to_owned()) }
    })?;
    drop(refusal);
    trial.run_scripted(ScriptedOrder::Sold).map(drop)
}

/// Places one order before the malformed record, which must become final and shows that the suite works, and one after
/// it, which may remain open.
fn poisoned(trial: &ScriptedRun) -> Result<()> {
    trial.run_scripted(ScriptedOrder::Sold)?;
    trial.poison()?;
    trial.place_scripted(ScriptedOrder::Sold).map(drop)
}

#[test]
fn checker_reports_a_missing_inbox() {
    assert_caught("no-inbox", ScriptedRun::receive, Rule::Stock, "is not conserved");
}

#[test]
fn checker_reports_offsets_stored_before_the_commit() {
    assert_caught("offsets-before-commit", undecided, Rule::Termination, "ends as stock_reserved");
}

#[test]
fn checker_reports_events_published_before_the_commit() {
    assert_caught("publish-before-commit", uncommitted, Rule::ExactlyOnce, "2 different StockReserved");
}

#[test]
fn checker_reports_events_marked_before_their_ack() {
    assert_caught_with("mark-before-ack", &[LINGER], unsent, Rule::Termination, "was never published");
}

#[test]
fn checker_reports_new_ids_of_resent_events() {
    assert_caught("new-id-on-resend", unmarked, Rule::ExactlyOnce, "2 different StockReserved");
}

#[test]
fn checker_reports_events_skipped_after_a_failure() {
    assert_caught("skip-unsent", refused, Rule::Termination, "was never published");
}

#[test]
fn checker_reports_poison_retried_forever() {
    assert_caught("retry-poison-forever", poisoned, Rule::DeadLetters, "has no dead letter of the poison");
}

#[test]
fn checker_reports_lost_traces() {
    assert_caught("lose-trace", nothing, Rule::Traces, "is in the traces {None}");
}

#[test]
fn checker_reports_wrong_keys() {
    assert_caught("wrong-key", nothing, Rule::ExactlyOnce, "is not under its order's key");
}

#[test]
fn checker_reports_nothing_for_the_same_faults_without_a_bug() {
    let all: ScheduledFault = |trial| {
        let faults: [ScheduledFault; 8] =
            [ScriptedRun::receive, undecided, uncommitted, unsent, unmarked, refused, poisoned, nothing];
        faults.iter().try_for_each(|fault| fault(trial))
    };
    let verdict = run(&[LINGER], all, LONG);
    println!("no bug: {:.1} s", verdict.took.as_secs_f64());
    assert_eq!(verdict.violations, []);
}
