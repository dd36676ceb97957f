//! Bugs of the runtime, each with the fault that exposes it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chaos::check::{Rule, Violation};
use chaos::crash::Crash;
use chaos::faults::refusal::Refusal;
use chaos::faults::topic_fuzzer::POISON;
use chaos::load::scripted_order::ScriptedOrder;
use chaos::supervisor::supervised;
use chaos::system::SystemConfig;
use chaos::trial::{QuiescenceTimeouts, ScriptedRun, ScriptedRunResult};
use e2e::records::KafkaRecord;
use uuid::Uuid;
use xtask::{Broker, ServiceName, broker_from_env, wait_until};

use crate::binary;

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

/// Long enough for a cancellation to arrive while a record is parked, and less than any timeout.
const PARKED: [Variable; 2] = [(None, "RETRY_ATTEMPTS_MAX", "20"), (None, "RETRY_BACKOFF_MAX_MS", "500")];
/// A version of `OrderPlaced` that every service reads only after an upgrade.
const FUTURE_VERSION: &str = "http://127.0.0.1/schemas/OrderPlaced/2199-01";

/// An environment variable of one service, or of all.
type Variable = (Option<ServiceName>, &'static str, &'static str);

/// A fault injected while orders are in progress.
type ScheduledFault = fn(&ScriptedRun) -> Result<()>;

/// Runs a suite with the fault and checks it.
fn run(environment: &[Variable], fault: ScheduledFault, timeouts: QuiescenceTimeouts) -> ScriptedRunResult {
    let environment = environment.iter().map(|(service, name, value)| (*service, (*name).into(), (*value).into()));
    let subject = SystemConfig {
        environment: environment.collect(),
        // Its decider does not recognize a repeated receipt, so that the inbox must. Otherwise it is correct.
        binaries: vec![(ServiceName::Inventory, binary("inventory-books-receipts-twice"))],
    };
    let broker = broker_from_env().and_then(|address| Broker::external(&address)).expect("a broker");
    let trial = ScriptedRun::start(broker, subject, ORDERS).expect("the suite starts");
    supervised(trial.system(), || fault(&trial)).unwrap_or_else(|error| panic!("{error:#}"));
    trial.finish(timeouts).unwrap_or_else(|error| panic!("{error:#}"))
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

/// Parks the cancellation of an order behind a record that no attempt can read, and publishes a forgery under its id.
fn park_record(trial: &ScriptedRun) -> Result<()> {
    let topics = trial.system().topics();
    let id = trial.place_scripted(ScriptedOrder::Voided)?;
    let order = id.to_string();
    let placed = topics.read(&["order.events"]).wait_for_event(&order, "OrderPlaced");
    let unreadable = placed.with("ce_id", Uuid::now_v7().to_string()).with("ce_dataschema", FUTURE_VERSION);
    trial.publish_poison(unreadable.with_value(b"{\"everything\": \"is different\"}"), "unreadable")?;
    wait_until("shipping to park the record", Duration::from_secs(20), || {
        let log = trial.system().log(ServiceName::Shipping).map_err(|error| error.to_string())?;
        if log.contains("parked record for a retry") { Ok(()) } else { Err("it is not parked".to_owned()) }
    })?;
    trial.cancel(id)?;
    let cancelled = topics.read(&["order.events"]).wait_for_event(&order, "OrderCancellationRequested");
    let forged_id = cancelled.header("ce_id").context("events have an id")?;
    trial.publish_poison(KafkaRecord::new("order.events", "somebody", b"{").with("ce_id", forged_id), "forged")?;
    let name = |record: &KafkaRecord| record.header(POISON).map(str::to_owned);
    topics.read(&["shipping.dlq"]).wait_for("both dead letters", |seen| {
        let names: BTreeSet<_> = seen.iter().filter_map(|(record, _)| name(record)).collect();
        ["unreadable", "forged"].iter().all(|name| names.contains(*name)).then_some(())
    });
    Ok(())
}

fn no_fault(trial: &ScriptedRun) -> Result<()> {
    trial.run_scripted(ScriptedOrder::Sold).map(drop)
}

fn crash_payment_before_commit(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Payment, "before-commit", "StockReserved")
}

fn crash_inventory_before_commit(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Inventory, "before-commit", "OrderPlaced")
}

fn crash_after_cursor(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Order, "after-cursor", "OrderPlaced")
}

fn crash_after_commit(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Order, "after-commit", "OrderPlaced")
}

fn crash_after_publish(trial: &ScriptedRun) -> Result<()> {
    crash(trial, ServiceName::Inventory, "after-publish", "StockReserved")
}

fn refuse_record(trial: &ScriptedRun) -> Result<()> {
    refuse_until(trial, "failed to publish")
}

fn kept(trial: &ScriptedRun) -> Result<()> {
    refuse_until(trial, "record cannot be sent, keeping it")
}

/// Lets the broker refuse the records of the order service until it logs this.
fn refuse_until(trial: &ScriptedRun, logged: &str) -> Result<()> {
    trial.run_scripted(ScriptedOrder::Sold)?;
    let refusal = Refusal::begin(trial.system(), "order.events")?;
    trial.place_scripted(ScriptedOrder::Sold)?;
    wait_until("the broker to refuse the record", Duration::from_secs(20), || {
        let log = trial.system().log(ServiceName::Order).map_err(|error| error.to_string())?;
        if log.contains(logged) { Ok(()) } else { Err("no refusal".to_owned()) }
    })?;
    drop(refusal);
    trial.run_scripted(ScriptedOrder::Sold).map(drop)
}

/// Publishes the facts of an order again.
fn repeated(trial: &ScriptedRun) -> Result<()> {
    let order = trial.run_scripted(ScriptedOrder::Sold)?;
    let request = serde_json::json!({ "subject": order.to_string() });
    trial.system().client(ServiceName::Order).post("/replays", &request)?.expect_status(202).map(drop)
}

/// Places one order before the malformed record, which must become final and shows that the suite works, and one after
/// it, which may remain open.
fn publish_poison(trial: &ScriptedRun) -> Result<()> {
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
    assert_caught("offsets-before-commit", crash_payment_before_commit, Rule::Termination, "ends as stock_reserved");
}

#[test]
fn checker_reports_events_published_before_the_commit() {
    assert_caught(
        "publish-before-commit",
        crash_inventory_before_commit,
        Rule::ExactlyOnce,
        "2 different StockReserved",
    );
}

#[test]
fn checker_reports_cursors_stored_before_the_ack() {
    assert_caught_with("mark-before-ack", &[LINGER], crash_after_cursor, Rule::Termination, "was never published");
}

#[test]
fn checker_reports_new_ids_of_resent_events() {
    assert_caught("new-id-on-resend", crash_after_publish, Rule::ExactlyOnce, "2 different StockReserved");
}

#[test]
fn checker_reports_events_skipped_after_a_failure() {
    assert_caught("skip-unsent", refuse_record, Rule::Termination, "was never published");
}

#[test]
fn checker_reports_remembered_ids_of_parked_records() {
    assert_caught_with("remember-parked", &PARKED, park_record, Rule::Termination, "ends as cancelling");
}

#[test]
fn checker_reports_remembered_ids_of_forged_records() {
    assert_caught_with("remember-forged", &PARKED, park_record, Rule::Termination, "ends as cancelling");
}

#[test]
fn checker_reports_reused_sequence_numbers() {
    assert_caught("sequence-reused", crash_after_publish, Rule::ExactlyOnce, "2 events with the sequence number 1");
}

#[test]
fn checker_reports_events_that_appear_behind_the_cursor() {
    assert_caught("tail-out-of-order", crash_after_commit, Rule::Termination, "was never published");
}

#[test]
fn checker_reports_forgotten_unsent_records() {
    assert_caught("forget-unsent", kept, Rule::Termination, "was never published");
}

#[test]
fn checker_reports_waves_that_never_end() {
    assert_caught("endless-wave", repeated, Rule::Quiescence, "has a lag of");
}

#[test]
fn checker_reports_poison_retried_forever() {
    assert_caught("retry-poison-forever", publish_poison, Rule::DeadLetters, "has no dead letter of the poison");
}

#[test]
fn checker_reports_lost_traces() {
    assert_caught("lose-trace", no_fault, Rule::Traces, "is in the traces {None}");
}

#[test]
fn checker_reports_wrong_keys() {
    assert_caught("wrong-key", no_fault, Rule::ExactlyOnce, "is not under its order's key");
}

#[test]
fn checker_reports_nothing_for_the_same_faults_without_a_bug() {
    let all: ScheduledFault = |trial| {
        let faults: [ScheduledFault; 12] = [
            ScriptedRun::receive,
            crash_payment_before_commit,
            crash_inventory_before_commit,
            crash_after_cursor,
            crash_after_commit,
            crash_after_publish,
            refuse_record,
            kept,
            repeated,
            park_record,
            publish_poison,
            no_fault,
        ];
        faults.iter().try_for_each(|fault| fault(trial))
    };
    let verdict = run(&[&[LINGER], &PARKED[..]].concat(), all, LONG);
    println!("no bug: {:.1} s", verdict.took.as_secs_f64());
    assert_eq!(verdict.violations, []);
}
