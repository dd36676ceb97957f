//! Measurements and reports for tests.

use std::time::Duration;

use catalog::PerService;

use super::bench_report::BenchReport;
use crate::load::plan::{ClosedLoop, Load, LoopEnd};
use crate::load::schedule::Schedule;
use crate::measure::measurement::Measurement;
use crate::measure::results::BenchResults;
use crate::measure::scenario::BenchScenario;
use crate::resources::cost::{Cost, MemoryUse, ProcessCost};
use crate::results::latency::Latencies;
use crate::results::ledger::{LoadResult, OrderCounts};
use crate::results::trace::HopStatistics;

/// A measurement of 100 confirmed orders at 20 orders/s.
pub(crate) fn run(placed: u64, seconds: u64, spans_per_saga: Option<f64>) -> Measurement {
    let mut latencies = Latencies::default();
    (0..100).for_each(|_| latencies.record(Duration::from_millis(12)));
    let percentiles = latencies.percentiles();
    let counts = OrderCounts { placed, confirmed: 100, ..OrderCounts::default() };
    Measurement {
        scenario: BenchScenario::Plain,
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
            processes: vec![ProcessCost {
                name: "order",
                cpu_seconds: 0.5,
                written_bytes: Some(3_500_000),
                peak_memory_bytes: Some(20_000_000),
            }],
            memory_of_services: MemoryUse { peak_bytes: 25_000_000, steady_bytes: 18_000_000 },
            others_ratio: 0.25,
        },
        database_bytes_per_saga: Some(PerService::new(|_| 1234.0)),
        records_per_saga: 6.0,
        topic_bytes_per_saga: None,
        spans_per_saga,
        floors: None,
        hops: vec![HopStatistics {
            from: "sent".into(),
            to: "OrderPlaced decided".into(),
            took: percentiles,
            reached_p50_ms: 12.5,
        }],
    }
}

/// A measurement of 100 confirmed orders with a constant number in flight.
pub(crate) fn in_flight(in_flight: u16, seconds: u64) -> Measurement {
    let until = LoopEnd::Elapsed { before: Duration::ZERO, counted: Duration::from_secs(seconds) };
    Measurement { load: Load::Closed(ClosedLoop { in_flight, until }), hops: Vec::new(), ..run(100, seconds, None) }
}

/// The process with this name.
pub(crate) fn process(name: &'static str, cpu_seconds: f64) -> ProcessCost {
    ProcessCost { name, cpu_seconds, written_bytes: Some(0), peak_memory_bytes: None }
}

pub(crate) fn report(runs: Vec<Measurement>) -> BenchReport {
    let results = BenchResults { runs, ..BenchResults::default() };
    BenchReport { broker: "in Java".into(), cores: 2, results, goals: Vec::new() }
}
