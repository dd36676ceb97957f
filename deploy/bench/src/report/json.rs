//! The figures for machines. Names have their units.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Report;
use crate::cost::Cost;
use crate::latency::Percentiles;
use crate::ledger::Tally;
use crate::limit::Limit;
use crate::measure::Measurement;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    broker: &'a str,
    storage: &'a str,
    cores: u32,
    runs: Vec<Run<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throughput_with_tracing_ratio: Option<f64>,
    all_final: bool,
}

#[derive(Serialize)]
struct Run<'a> {
    load: String,
    products: u16,
    sagas_per_second: f64,
    seconds: f64,
    orders: Tally,
    post_to_202: Percentiles,
    post_to_final: Percentiles,
    sent_late: Percentiles,
    #[serde(flatten)]
    cost: &'a Cost,
    database_bytes_per_saga: BTreeMap<&'static str, f64>,
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
            storage: &report.storage,
            cores: report.cores,
            runs: report.runs.iter().map(Run::of).collect(),
            throughput_with_tracing_ratio: report.tracing_ratio(),
            all_final: report.is_good(),
        }
    }
}

impl<'a> Run<'a> {
    fn of(run: &'a Measurement) -> Self {
        let outcomes = &run.outcomes;
        Self {
            load: run.load.title(),
            products: run.products,
            sagas_per_second: run.sagas_per_second(),
            seconds: outcomes.elapsed.as_secs_f64(),
            orders: outcomes.tally,
            post_to_202: outcomes.accepted,
            post_to_final: outcomes.finished,
            sent_late: outcomes.sent_late,
            cost: &run.cost,
            database_bytes_per_saga: run.database_bytes_per_saga.map(|(service, bytes)| (service.name(), bytes)).into(),
            kafka_records_per_saga: run.records_per_saga,
            kafka_bytes_per_saga: run.topic_bytes_per_saga,
            raw_limit: run.limit,
            spans_per_saga: run.spans_per_saga,
            first_failure: outcomes.failure.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{report, run};
    use super::*;

    #[test]
    fn what_was_not_measured_is_null_or_absent() {
        let json = serde_json::to_value(Document::of(&report(vec![run(100, 5, None)]))).unwrap();
        assert_eq!((&json["all_final"], &json["cores"]), (&true.into(), &2.into()));
        assert!(json.get("throughput_with_tracing_ratio").is_none());
        let run = &json["runs"][0];
        assert_eq!((&run["sagas_per_second"], &run["orders"]["confirmed"]), (&20.0.into(), &100.into()));
        assert_eq!(run["database_bytes_per_saga"]["payment"], 1234.0);
        assert!(run["kafka_bytes_per_saga"].is_null() && run["spans_per_saga"].is_null(), "{run}");
    }
}
