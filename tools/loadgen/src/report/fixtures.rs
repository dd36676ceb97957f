//! Measurements and reports for tests.

use std::time::Duration;

use catalog::PerService;

use super::bench_report::BenchReport;
use crate::environment::broker_limit::BrokerLimit;
use crate::load::plan::Load;
use crate::load::schedule::Schedule;
use crate::measure::measurement::Measurement;
use crate::measure::results::BenchResults;
use crate::measure::scenario::BenchScenario;
use crate::resources::cost::{Cost, ProcessCost};
use crate::results::latency::Latencies;
use crate::results::ledger::{LoadResult, OrderCounts};
use crate::results::trace::HopStatistics;

pub(crate) fn run(placed: u64, seconds: u64, spans_per_saga: Option<f64>) -> Measurement {
    let mut latencies = Latencies::default();
    (0..100).for_each(|_| latencies.record(Duration::from_millis(12)));
    let percentiles = latencies.percentiles();
    let counts = OrderCounts { placed, confirmed: 100, ..OrderCounts::default() };
    Measurement {
        scenario: BenchScenario::AdHoc,
        load: Load::Open(Schedule::new(20.0, placed)),
        products: 100,
        storage: "SQLite".into(),
        orders_before: 1_000,
        ready_after: PerService::new(|_| Duration::from_millis(321)),
        result: LoadResult {
            counts,
            elapsed: Duration::from_secs(seconds),
            accepted: percentiles,
            finished: percentiles,
            finished_curve: latencies.curve(),
            each_second: vec![60, 40],
            sent_late: percentiles,
            failure: None,
        },
        cost: Cost {
            processes: vec![ProcessCost { name: "order", cpu_seconds: 0.5, peak_memory_bytes: Some(20_000_000) }],
            others_ratio: 0.25,
        },
        database_bytes_per_saga: Some(PerService::new(|_| 1234.0)),
        records_per_saga: 6.0,
        topic_bytes_per_saga: None,
        limit: Some(BrokerLimit { records_per_second: 12_000.0, record_bytes: 900 }),
        spans_per_saga,
        hops: vec![HopStatistics {
            from: "sent".into(),
            to: "OrderPlaced decided".into(),
            took: percentiles,
            reached_p50_ms: 12.5,
        }],
    }
}

pub(crate) fn report(runs: Vec<Measurement>) -> BenchReport {
    let results = BenchResults { runs, ..BenchResults::default() };
    BenchReport { broker: "in Java".into(), cores: 2, results, goals: Vec::new() }
}
