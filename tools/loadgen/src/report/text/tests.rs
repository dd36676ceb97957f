//! Snapshots of the text report.

use expect_test::expect;

use super::*;
use crate::report::fixtures::{in_flight, report, run};
use crate::report::goals;

#[test]
fn run_text_when_all_orders_are_final() {
    expect![[r#"
        20 orders/s, 100 products, SQLite, 1000 orders stored
          20.0 sagas/s: 100 sagas in 5.0 s

          latency in ms      p50   p90   p99  p99.9   max
          ────────────────  ────  ────  ────  ─────  ────
          POST to 202       12.0  12.0  12.0   12.0  12.0
          POST to end seen  12.0  12.0  12.0   12.0  12.0
          due to sent       12.0  12.0  12.0   12.0  12.0

          from  to                   p50 ms  p99 ms  reached at
          ────  ───────────────────  ──────  ──────  ──────────
          sent  OrderPlaced decided   12.01   12.01       12.50

          process  ready ms  CPU s  CPU ms/saga  disk KB/saga  peak MB  database bytes/saga
          ───────  ────────  ─────  ───────────  ────────────  ───────  ───────────────────
          order         321   0.50        5.000          35.0     20.0                 1234
          all                 0.50        5.000

          Services together: 35.0 KB/saga written to the disk; memory 25.0 MB at most, median 18.0 MB
          Other programs, perhaps including the broker, used 25 % of the machine, which lowers these figures
          Kafka: 6.00 records/saga, size unknown: the broker's files are not on this machine
          Processor time of the broker unknown: it is not a process of this machine
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
        20 orders/s, 1 product, SQLite, 1000 orders stored, with tracing (25.0 spans/saga)
          20.0 sagas/s: 100 sagas in 5.0 s

          latency in ms      p50   p90   p99  p99.9   max
          ────────────────  ────  ────  ────  ─────  ────
          POST to 202       12.0  12.0  12.0   12.0  12.0
          POST to end seen  12.0  12.0  12.0   12.0  12.0
          due to sent       12.0  12.0  12.0   12.0  12.0

          from  to                   p50 ms  p99 ms  reached at
          ────  ───────────────────  ──────  ──────  ──────────
          sent  OrderPlaced decided   12.01   12.01       12.50

          process  ready ms  CPU s  CPU ms/saga  disk KB/saga  peak MB  database bytes/saga
          ───────  ────────  ─────  ───────────  ────────────  ───────  ───────────────────
          order         321   0.50        5.000          35.0     20.0                 1234
          all                 0.50        5.000

          Services together: 35.0 KB/saga written to the disk; memory 25.0 MB at most, median 18.0 MB
          Other programs, perhaps including the broker, used 25 % of the machine, which lowers these figures
          Kafka: 6.00 records/saga, size unknown: the broker's files are not on this machine
          Processor time of the broker unknown: it is not a process of this machine
          120 responses with status 429 or 503; the orders were sent again
        ✘ 3 of 103 orders did not become final
        ✘ 2 orders not accepted: every response had status 429 or 503
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

          goal                                                                bound  measured  floor  ratio
          ─────────────────────────────────────────────────────────  ──────────────  ────────  ─────  ─────  ────────────────────────
          48 in flight: throughput                                   ≥ 1500 sagas/s         -                not measured in this run
          48 in flight: p50                                                 ≤ 32 ms         -                not measured in this run
          512 in flight: throughput                                  ≥ 4000 sagas/s         -                not measured in this run
          5,000 in flight: throughput                                ≥ 4300 sagas/s         -                not measured in this run
          5,000 in flight: CPU                                        ≤ 0.4 ms/saga         -                not measured in this run
          20 orders/s: p50                                              ≤ 2 × floor         -                not measured in this run
          20 orders/s: p99                                                  ≤ 15 ms         -                not measured in this run
          200 orders/s: written to the disk                           ≤ 110 KB/saga         -                not measured in this run
          512 in flight: written to the disk                           ≤ 40 KB/saga         -                not measured in this run
          512 in flight: throughput with tracing, relative to none           ≥ 85 %         -                not measured in this run
          512 in flight: CPU of tracing                               ≤ 0.1 ms/saga         -                not measured in this run
          PostgreSQL, 48 in flight: throughput                        ≥ 900 sagas/s         -                not measured in this run
          PostgreSQL, 512 in flight: throughput                      ≥ 2300 sagas/s         -                not measured in this run
          PostgreSQL, 48 in flight: CPU                                 ≤ 2 ms/saga         -                not measured in this run
          PostgreSQL, 512 in flight: CPU                              ≤ 0.8 ms/saga         -                not measured in this run
          48 in flight: memory of the services                              ≤ 80 MB         -                not measured in this run
          512 in flight: memory of the services                            ≤ 110 MB         -                not measured in this run
          throughput with 1,000,000 stored orders, relative to none          ≥ 95 %         -                not measured in this run
          orders that did not become final                               ≤ 0 orders         -                not measured in this run
          orders that were not accepted                                  ≤ 0 orders         -                not measured in this run
    "#]].assert_eq(&report.to_string());
}

#[test]
fn goal_table_shows_the_evaluation() {
    let result = |bound, measured: Option<f64>, floor, is_met| GoalResult {
        goal: "latency",
        bound,
        unit: "ms",
        measured,
        floor,
        is_met,
    };
    let goals = [
        result(GoalBound::AtMost(0.4), Some(0.39), None, Some(true)),
        result(GoalBound::TimesFloor(2.0), Some(1234.5), Some(4.2), Some(false)),
        result(GoalBound::AtMost(0.4), None, None, None),
    ];
    expect![[r#"
        Goals
          goal           bound  measured   floor   ratio
          ───────  ───────────  ────────  ──────  ──────  ────────────────────────
          latency     ≤ 0.4 ms  0.390 ms                  ✔ met
          latency  ≤ 2 × floor   1234 ms  4.2 ms  293.93  ✘ not met
          latency     ≤ 0.4 ms         -                  not measured in this run
    "#]]
    .assert_eq(&format!("Goals\n{}", goal_table(&goals)));
}

#[test]
fn report_text_ends_with_a_summary_of_several_loads() {
    let text = report(vec![in_flight(48, 2), in_flight(5_000, 1)]).to_string();
    let (_, summary) = text.rsplit_once("\n\n").unwrap();
    expect![[r#"
        Summary
          load            sagas/s  p50 ms  p99 ms  p99.9 ms  202 p50 ms  CPU ms  disk KB  peak MB  median MB
          ──────────────  ───────  ──────  ──────  ────────  ──────────  ──────  ───────  ───────  ─────────
          48 in flight         50    12.0    12.0      12.0        12.0             35.0     25.0       18.0
          5000 in flight      100    12.0    12.0      12.0        12.0             35.0     25.0       18.0
    "#]]
    .assert_eq(&format!("Summary\n{summary}"));
}
