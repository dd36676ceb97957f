//! JSON report. Names include the unit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use catalog::PerService;
use serde::Serialize;

use super::bench_report::BenchReport;
use super::goals::GoalResult;
use super::selection;
use crate::floor::Floors;
use crate::measure::label;
use crate::measure::measurement::Measurement;
use crate::measure::scenario::BenchScenario;
use crate::resources::cost::Cost;
use crate::results::latency::{Percentiles, QuantilePoint};
use crate::results::ledger::OrderCounts;
use crate::results::trace::HopStatistics;

/// Writes the report as JSON.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn save(report: &BenchReport, file: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(&ReportDocument::of(report))?;
    fs::write(file, text + "\n").with_context(|| format!("failed to write {}", file.display()))
}

#[derive(Serialize)]
struct ReportDocument<'a> {
    broker: &'a str,
    cores: u32,
    runs: Vec<RunDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throughput_with_tracing_ratio: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    goals: &'a [GoalResult],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_measured: &'a [String],
    all_final: bool,
}

#[derive(Serialize)]
struct RunDocument<'a> {
    label: String,
    scenario: BenchScenario,
    load: String,
    products: u16,
    storage: &'a str,
    orders_before: u64,
    start_to_ready_ms: BTreeMap<&'static str, f64>,
    sagas_per_second: f64,
    seconds: f64,
    orders: OrderCounts,
    post_to_202: Percentiles,
    post_to_final: Percentiles,
    sent_late: Percentiles,
    #[serde(skip_serializing_if = "Option::is_none")]
    floors: Option<Floors>,
    post_to_final_curve: &'a [QuantilePoint],
    finals_each_second: &'a [u64],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    hops: &'a [HopStatistics],
    #[serde(flatten)]
    cost: &'a Cost,
    /// Of services, broker and database server.
    suite_cpu_ms_per_saga: Option<f64>,
    written_by_services_bytes_per_saga: f64,
    database_bytes_per_saga: Option<BTreeMap<&'static str, f64>>,
    kafka_records_per_saga: f64,
    kafka_bytes_per_saga: Option<f64>,
    spans_per_saga: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_failure: Option<&'a str>,
}

impl<'a> ReportDocument<'a> {
    fn of(report: &'a BenchReport) -> Self {
        Self {
            broker: &report.broker,
            cores: report.cores,
            runs: report.runs().iter().map(RunDocument::of).collect(),
            throughput_with_tracing_ratio: selection::tracing_ratio(report.runs()),
            goals: &report.goals,
            not_measured: &report.results.missing,
            all_final: report.is_complete(),
        }
    }
}

impl<'a> RunDocument<'a> {
    fn of(run: &'a Measurement) -> Self {
        let result = &run.result;
        Self {
            label: label::of(run),
            scenario: run.scenario,
            load: run.load.title(),
            products: run.products,
            storage: &run.storage,
            orders_before: run.orders_before,
            start_to_ready_ms: by_name(&run.ready_after, |time| time.as_secs_f64() * 1000.0),
            sagas_per_second: run.sagas_per_second(),
            seconds: result.elapsed.as_secs_f64(),
            orders: result.counts,
            post_to_202: result.accepted,
            post_to_final: result.finished,
            sent_late: result.sent_late,
            floors: run.floors,
            post_to_final_curve: &result.finished_curve,
            finals_each_second: &result.each_second,
            hops: &run.hops,
            cost: &run.cost,
            suite_cpu_ms_per_saga: run.suite_cpu_ms(),
            written_by_services_bytes_per_saga: run.written_bytes_per_saga(),
            database_bytes_per_saga: run.database_bytes_per_saga.as_ref().map(|bytes| by_name(bytes, |bytes| *bytes)),
            kafka_records_per_saga: run.records_per_saga,
            kafka_bytes_per_saga: run.topic_bytes_per_saga,
            spans_per_saga: run.spans_per_saga,
            first_failure: result.failure.as_deref(),
        }
    }
}

fn by_name<T>(values: &PerService<T>, figure: impl Fn(&T) -> f64) -> BTreeMap<&'static str, f64> {
    values.iter().map(|(service, value)| (service.name(), figure(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{report, run};
    use super::super::goals;
    use super::*;

    #[test]
    fn unmeasured_figures_are_null_or_absent() {
        let json = serde_json::to_value(ReportDocument::of(&report(vec![run(100, 5, None)]))).unwrap();
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
    fn goal_has_bound_and_measured_value() {
        let mut report = report(vec![run(100, 5, None)]);
        report.goals = goals::evaluate(report.runs());
        let json = serde_json::to_value(ReportDocument::of(&report)).unwrap();
        assert_eq!(json["goals"][0]["at_least"], 1_500.0);
        assert!(json["goals"][0]["measured"].is_null() && json["goals"][0]["is_met"].is_null(), "{json}");
    }
}
