//! What is told in the end: to people as tables, to machines as JSON.

mod json;
mod text;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use local::{Broker, Postgres};

use crate::cost::cores;
use crate::measure::Measurement;

/// All measurements of one run.
pub(crate) struct Report {
    broker: String,
    storage: String,
    cores: u32,
    runs: Vec<Measurement>,
}

impl Report {
    pub(crate) fn new(broker: &Broker, postgres: Option<&Postgres>, runs: Vec<Measurement>) -> Self {
        let storage = postgres.map_or_else(|| "SQLite".to_owned(), |server| format!("PostgreSQL {}", server.kind()));
        Self { broker: broker.kind().to_string(), storage, cores: cores(), runs }
    }

    /// Whether every order became final.
    pub(crate) fn is_good(&self) -> bool {
        self.runs.iter().all(|run| run.outcomes.tally.is_complete())
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn save(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&json::Document::of(self))?;
        fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
    }

    /// Throughput with tracing as a part of that without; none if either was not measured.
    fn tracing_ratio(&self) -> Option<f64> {
        let throughput = |traced: bool| {
            let runs: Vec<_> = self.runs.iter().filter(|run| run.spans_per_saga.is_some() == traced).collect();
            let seconds: f64 = runs.iter().map(|run| run.outcomes.elapsed.as_secs_f64()).sum();
            let sagas: f64 = runs.iter().map(|run| run.sagas()).sum();
            (seconds > 0.0 && sagas > 0.0).then(|| sagas / seconds)
        };
        Some(throughput(true)? / throughput(false)?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "On {} cores, with Kafka {} and {}", self.cores, self.broker, self.storage)?;
        for run in &self.runs {
            write!(f, "\n{}", text::Run(run))?;
        }
        match self.tracing_ratio() {
            Some(ratio) => writeln!(f, "\nThroughput with tracing is {:.1} % of that without.", ratio * 100.0),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use local::Service;

    use super::*;
    use crate::arguments::Load;
    use crate::cost::{Cost, ProcessCost};
    use crate::latency::Latencies;
    use crate::ledger::{Outcomes, Tally};
    use crate::limit::Limit;
    use crate::schedule::Schedule;

    pub(crate) fn run(placed: u64, seconds: u64, spans_per_saga: Option<f64>) -> Measurement {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_millis(12));
        let percentiles = latencies.percentiles();
        let tally = Tally { placed, confirmed: 100, ..Tally::default() };
        Measurement {
            load: Load::Open(Schedule::new(20.0, placed)),
            products: 100,
            outcomes: Outcomes {
                tally,
                elapsed: Duration::from_secs(seconds),
                accepted: percentiles,
                finished: percentiles,
                sent_late: percentiles,
                failure: None,
            },
            cost: Cost {
                processes: vec![ProcessCost { name: "order", cpu_seconds: 0.5, peak_memory_bytes: Some(20_000_000) }],
                others_ratio: 0.25,
            },
            database_bytes_per_saga: Service::all().map(|service| (service, 1234.0)),
            records_per_saga: 6.0,
            topic_bytes_per_saga: None,
            limit: Some(Limit { records_per_second: 12_000.0, record_bytes: 900 }),
            spans_per_saga,
        }
    }

    pub(crate) fn report(runs: Vec<Measurement>) -> Report {
        Report { broker: "in Java".into(), storage: "SQLite".into(), cores: 2, runs }
    }

    #[test]
    fn the_ratio_is_that_of_all_runs_with_and_all_without() {
        let runs = [run(100, 9, None), run(100, 20, Some(25.0)), run(100, 11, None), run(100, 20, Some(25.0))];
        let ratio = report(runs.into()).tracing_ratio().unwrap();
        assert!((ratio - 0.5).abs() < 1e-9, "{ratio}");
        assert_eq!(report(vec![run(100, 9, None)]).tracing_ratio(), None);
    }

    #[test]
    fn an_order_that_is_not_final_spoils_it() {
        assert!(report(vec![run(100, 9, None)]).is_good());
        assert!(!report(vec![run(100, 9, None), run(101, 9, None)]).is_good());
    }
}
