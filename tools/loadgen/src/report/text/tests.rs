//! Snapshots of the text report.

use expect_test::expect;

use super::*;
use crate::report::fixtures::{report, run};

#[test]
fn run_text_when_all_orders_are_final() {
    expect![[r#"
        Open loop, 20 orders/s, 100 products, SQLite, 1000 orders stored
          20.0 sagas/s: 100 sagas in 5.0 s

          latency in ms         p50   p90   p99  p99.9   max
          ───────────────────  ────  ────  ────  ─────  ────
          POST to 202          12.0  12.0  12.0   12.0  12.0
          POST to final event  12.0  12.0  12.0   12.0  12.0
          due to sent          12.0  12.0  12.0   12.0  12.0

          from  to                   p50 ms  p99 ms  reached at
          ────  ───────────────────  ──────  ──────  ──────────
          sent  OrderPlaced decided   12.01   12.01       12.50

          process  ready ms  CPU s  CPU ms/saga  peak MiB  database bytes/saga
          ───────  ────────  ─────  ───────────  ────────  ───────────────────
          order         321   0.50        5.000      19.1                 1234
          all                 0.50        5.000

          Other programs, perhaps including the broker, used 25 % of the machine, which lowers these figures
          Kafka: 6.00 records/saga, size unknown: the broker's files are not on this machine
          Processor time of the broker unknown: it is not a process of this machine
          Broker limit: 12000 records/s of 900 bytes from one idempotent producer with acks=all
          The suite wrote 120 records/s, 1.0 % of the limit
        ✔ every order became final: 100 placed, 100 confirmed, 0 cancelled
    "#]]
    .assert_eq(&RunText(&run(100, 5, None)).to_string());
}

#[test]
fn run_text_when_orders_are_missing() {
    let mut bad = run(103, 5, Some(25.0));
    bad.products = 1;
    let counts = &mut bad.result.counts;
    (counts.failed, counts.given_up, counts.busy_answers) = (1, 2, 120);
    bad.result.failure = Some("request timed out".into());
    expect![[r#"
        Open loop, 20 orders/s, 1 product, SQLite, 1000 orders stored, with tracing (25.0 spans/saga)
          20.0 sagas/s: 100 sagas in 5.0 s

          latency in ms         p50   p90   p99  p99.9   max
          ───────────────────  ────  ────  ────  ─────  ────
          POST to 202          12.0  12.0  12.0   12.0  12.0
          POST to final event  12.0  12.0  12.0   12.0  12.0
          due to sent          12.0  12.0  12.0   12.0  12.0

          from  to                   p50 ms  p99 ms  reached at
          ────  ───────────────────  ──────  ──────  ──────────
          sent  OrderPlaced decided   12.01   12.01       12.50

          process  ready ms  CPU s  CPU ms/saga  peak MiB  database bytes/saga
          ───────  ────────  ─────  ───────────  ────────  ───────────────────
          order         321   0.50        5.000      19.1                 1234
          all                 0.50        5.000

          Other programs, perhaps including the broker, used 25 % of the machine, which lowers these figures
          Kafka: 6.00 records/saga, size unknown: the broker's files are not on this machine
          Processor time of the broker unknown: it is not a process of this machine
          Broker limit: 12000 records/s of 900 bytes from one idempotent producer with acks=all
          The suite wrote 120 records/s, 1.0 % of the limit
          120 responses with status 503; the orders were sent again
        ✘ 3 of 103 orders did not become final
        ✘ 2 orders not accepted: every response had status 503
        ✘ 1 request failed; first error: request timed out
    "#]]
    .assert_eq(&RunText(&bad).to_string());
}

#[test]
fn report_text_names_missing_measurements_and_goals() {
    let mut report = report(vec![]);
    report.results.missing.push("PostgreSQL: not available".into());
    report.goals = goals::evaluate(report.runs());
    expect![[r#"
        2 cores, Kafka in Java

        Not measured: PostgreSQL: not available

          goal                                                                  bound  measured
          ───────────────────────────────────────────────────────────  ──────────────  ────────  ────────────────────────
          throughput, best closed loop                                 ≥ 5000 sagas/s         -  not measured in this run
          p50 at 20 orders/s                                                   ≤ 5 ms         -  not measured in this run
          p99 at 20 orders/s                                                  ≤ 15 ms         -  not measured in this run
          p99 at half the maximum                                            ≤ 100 ms         -  not measured in this run
          CPU of broker and services, best closed loop                  ≤ 0.4 ms/saga         -  not measured in this run
          peak memory of a service, closed loop                              ≤ 50 MiB         -  not measured in this run
          start to ready, slowest service                                   ≤ 1000 ms         -  not measured in this run
          throughput with 1,000,000 stored orders, relative to 10,000          ≥ 90 %         -  not measured in this run
          throughput of a hot SKU, relative to many SKUs                       ≥ 70 %         -  not measured in this run
          throughput with tracing, relative to none                            ≥ 85 %         -  not measured in this run
          throughput on PostgreSQL, best closed loop                   ≥ 1500 sagas/s         -  not measured in this run
          orders that did not become final                                 ≤ 0 orders         -  not measured in this run
    "#]].assert_eq(&report.to_string());
}

#[test]
fn goal_table_shows_the_evaluation() {
    let result = |measured: Option<f64>, is_met| GoalResult {
        goal: "latency",
        bound: GoalBound::AtMost(0.4),
        unit: "ms",
        measured,
        is_met,
    };
    let goals = [result(Some(0.39), Some(true)), result(Some(1234.5), Some(false)), result(None, None)];
    expect![[r#"
        Goals
          goal        bound  measured
          ───────  ────────  ────────  ────────────────────────
          latency  ≤ 0.4 ms  0.390 ms  ✔ met
          latency  ≤ 0.4 ms   1234 ms  ✘ not met
          latency  ≤ 0.4 ms         -  not measured in this run
    "#]]
    .assert_eq(&format!("Goals\n{}", goal_table(&goals)));
}
