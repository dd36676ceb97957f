//! Bugs in the shell, each with the one fault by which it shows.

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

/// Orders in a suite at most.
const ORDERS: u32 = 20;
/// A suite that goes on with other orders has had its time for the one that is lost.
const SHORT: QuiescenceTimeouts =
    QuiescenceTimeouts { orders: Duration::from_secs(4), settling: Duration::from_secs(4) };
/// As long as after any other fault.
const LONG: QuiescenceTimeouts =
    QuiescenceTimeouts { orders: Duration::from_mins(1), settling: Duration::from_secs(30) };
/// The producer of the order service waits so long for more records, so that what it has sent is not at the broker at once.
const LINGER: Variable = (Some(ServiceName::Order), "KAFKA_LINGER_MS", "3000");

/// An environment variable of one service, or of all.
type Variable = (Option<ServiceName>, &'static str, &'static str);

/// What is done to a suite while orders go through it.
type ScheduledFault = fn(&ScriptedRun) -> Result<()>;

/// What becomes of a suite.
fn judged(environment: &[Variable], fault: ScheduledFault, patience: QuiescenceTimeouts) -> ScriptedRunResult {
    let environment = environment.iter().map(|(service, name, value)| (*service, (*name).into(), (*value).into()));
    let subject = SystemConfig { environment: environment.collect(), ..SystemConfig::default() };
    let broker = broker_from_env().and_then(|address| Broker::at(&address)).expect("a broker");
    let trial = ScriptedRun::start(broker, subject, ORDERS).expect("the suite starts");
    supervised(trial.system(), || fault(&trial)).unwrap_or_else(|error| panic!("{error:#}"));
    trial.finish(patience).unwrap_or_else(|error| panic!("{error:#}"))
}

#[track_caller]
fn must_be_caught(bug: &'static str, fault: ScheduledFault, by: Rule, saying: &str) {
    must_be_caught_with(bug, &[], fault, by, saying);
}

#[track_caller]
fn must_be_caught_with(bug: &'static str, environment: &[Variable], fault: ScheduledFault, by: Rule, saying: &str) {
    let environment = [&[(None, "PLANTED_BUG", bug)], environment].concat();
    let verdict = judged(&environment, fault, SHORT);
    println!("{bug}: {:.1} s", verdict.took.as_secs_f64());
    for violation in &verdict.violations {
        println!("  {violation}");
    }
    let is_it = |violation: &Violation| violation.rule == by && violation.detail.contains(saying);
    assert!(verdict.violations.iter().any(is_it), "{by:?} does not say of {bug}: {saying}");
}

/// A service crashes with one order; another order shows that it goes on.
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
    crash(trial, ServiceName::Order, "after-mark", "OrderPlaced")
}

fn unmarked(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Inventory, "after-publish", "StockReserved")
}

fn refused(trial: &ScriptedRun) -> Result<()> {
    trial.run_scripted(ScriptedOrder::Sold)?;
    let refusal = Refusal::begin(trial.system(), "order.events")?;
    trial.place_scripted(ScriptedOrder::Sold)?;
    wait_until("the broker to refuse it", Duration::from_secs(20), || {
        let log = trial.system().log(ServiceName::Order).map_err(|error| error.to_string())?;
        if log.contains("publishing failed") { Ok(()) } else { Err("no refusal".to_owned()) }
    })?;
    drop(refusal);
    trial.run_scripted(ScriptedOrder::Sold).map(drop)
}

/// An order before it ends, so that the suite works; what comes after it may not.
fn poisoned(trial: &ScriptedRun) -> Result<()> {
    trial.run_scripted(ScriptedOrder::Sold)?;
    trial.poison()?;
    trial.place_scripted(ScriptedOrder::Sold).map(drop)
}

#[test]
fn a_missing_inbox_is_caught() {
    must_be_caught("no-inbox", ScriptedRun::receive, Rule::Stock, "is not conserved");
}

#[test]
fn offsets_that_are_stored_before_the_commit_are_caught() {
    must_be_caught("offsets-before-commit", undecided, Rule::Termination, "ends as stock_reserved");
}

#[test]
fn events_that_are_published_before_the_commit_are_caught() {
    must_be_caught("publish-before-commit", uncommitted, Rule::ExactlyOnce, "2 different StockReserved");
}

#[test]
fn events_that_count_as_published_before_the_broker_has_them_are_caught() {
    must_be_caught_with("mark-before-ack", &[LINGER], unsent, Rule::Termination, "was never published");
}

#[test]
fn a_new_id_when_an_event_is_sent_again_is_caught() {
    must_be_caught("new-id-on-resend", unmarked, Rule::ExactlyOnce, "2 different StockReserved");
}

#[test]
fn an_event_that_is_left_out_because_it_could_not_be_sent_is_caught() {
    must_be_caught("skip-unsent", refused, Rule::Termination, "was never published");
}

#[test]
fn poison_that_is_tried_for_ever_is_caught() {
    must_be_caught("retry-poison-forever", poisoned, Rule::DeadLetters, "has no dead letter of the poison");
}

#[test]
fn a_lost_trace_is_caught() {
    must_be_caught("lose-trace", nothing, Rule::Traces, "is in the traces {None}");
}

#[test]
fn a_wrong_key_is_caught() {
    must_be_caught("wrong-key", nothing, Rule::ExactlyOnce, "is not under its order's key");
}

#[test]
fn the_same_faults_without_a_bug_break_no_rule() {
    let all: ScheduledFault = |trial| {
        let faults: [ScheduledFault; 8] =
            [ScriptedRun::receive, undecided, uncommitted, unsent, unmarked, refused, poisoned, nothing];
        faults.iter().try_for_each(|fault| fault(trial))
    };
    let verdict = judged(&[LINGER], all, LONG);
    println!("no bug: {:.1} s", verdict.took.as_secs_f64());
    assert_eq!(verdict.violations, []);
}
