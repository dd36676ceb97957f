//! The figures for machines. Names have their units.

use std::collections::BTreeMap;

use serde::Serialize;
use xtask::PerService;

use super::Report;
use crate::cost::Cost;
use crate::goals::{self, Judged};
use crate::journal::Hop;
use crate::latency::{Percentiles, Point};
use crate::ledger::Tally;
use crate::limit::Limit;
use crate::measure::Measurement;
use crate::purpose::Purpose;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    broker: &'a str,
    cores: u32,
    runs: Vec<Run<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throughput_with_tracing_ratio: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    goals: &'a [Judged],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_measured: &'a [String],
    all_final: bool,
}

#[derive(Serialize)]
struct Run<'a> {
    purpose: Purpose,
    load: String,
    products: u16,
    storage: &'a str,
    orders_before: u64,
    start_to_ready_ms: BTreeMap<&'static str, f64>,
    sagas_per_second: f64,
    seconds: f64,
    orders: Tally,
    post_to_202: Percentiles,
    post_to_final: Percentiles,
    sent_late: Percentiles,
    post_to_final_curve: &'a [Point],
    finals_each_second: &'a [u64],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    hops: &'a [Hop],
    #[serde(flatten)]
    cost: &'a Cost,
    database_bytes_per_saga: Option<BTreeMap<&'static str, f64>>,
    kafka_records_per_saga: f64,
    kafka_bytes_per_saga: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_limit: Option<Limit>,
    spans_per_saga: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_failure: Option<&'a str>,
}

impl<'a> Document<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        Self {
            broker: &report.broker,
            cores: report.cores,
            runs: report.runs().iter().map(Run::of).collect(),
            throughput_with_tracing_ratio: goals::tracing_ratio(report.runs()),
            goals: &report.goals,
            not_measured: &report.found.missing,
            all_final: report.is_good(),
        }
    }
}

impl<'a> Run<'a> {
    fn of(run: &'a Measurement) -> Self {
        let outcomes = &run.outcomes;
        Self {
            purpose: run.purpose,
            load: run.load.title(),
            products: run.products,
            storage: &run.storage,
            orders_before: run.orders_before,
            start_to_ready_ms: named(&PerService::new(|service| run.ready_after[service].as_secs_f64() * 1000.0)),
            sagas_per_second: run.sagas_per_second(),
            seconds: outcomes.elapsed.as_secs_f64(),
            orders: outcomes.tally,
            post_to_202: outcomes.accepted,
            post_to_final: outcomes.finished,
            sent_late: outcomes.sent_late,
            post_to_final_curve: &outcomes.finished_curve,
            finals_each_second: &outcomes.each_second,
            hops: &run.hops,
            cost: &run.cost,
            database_bytes_per_saga: run.database_bytes_per_saga.as_ref().map(named),
            kafka_records_per_saga: run.records_per_saga,
            kafka_bytes_per_saga: run.topic_bytes_per_saga,
            raw_limit: run.limit,
            spans_per_saga: run.spans_per_saga,
            first_failure: outcomes.failure.as_deref(),
        }
    }
}

fn named(figures: &PerService<f64>) -> BTreeMap<&'static str, f64> {
    figures.iter().map(|(service, figure)| (service.name(), *figure)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{report, run};
    use super::*;

    #[test]
    fn what_was_not_measured_is_null_or_absent() {
        let json = serde_json::to_value(Document::of(&report(vec![run(100, 5, None)]))).unwrap();
        assert_eq!((&json["all_final"], &json["cores"]), (&true.into(), &2.into()));
        for absent in ["throughput_with_tracing_ratio", "goals", "not_measured"] {
            assert!(json.get(absent).is_none(), "{absent}");
        }
        let run = &json["runs"][0];
        assert_eq!((&run["sagas_per_second"], &run["orders"]["confirmed"]), (&20.0.into(), &100.into()));
        assert_eq!(run["database_bytes_per_saga"]["payment"], 1234.0);
        assert_eq!(
            (&run["start_to_ready_ms"]["order"], &run["hops"][0]["reached_p50_ms"]),
            (&321.0.into(), &12.5.into())
        );
        assert!(run["kafka_bytes_per_saga"].is_null() && run["spans_per_saga"].is_null(), "{run}");
    }

    #[test]
    fn a_goal_has_its_bound_and_what_was_measured() {
        let mut report = report(vec![run(100, 5, None)]);
        report.goals = goals::judge(report.runs());
        let json = serde_json::to_value(Document::of(&report)).unwrap();
        assert_eq!(json["goals"][0]["at_least"], 5_000.0);
        assert!(json["goals"][0]["measured"].is_null() && json["goals"][0]["is_met"].is_null(), "{json}");
    }
}
