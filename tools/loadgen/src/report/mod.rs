//! What is told in the end: to people as tables, to machines as JSON.

mod json;
mod text;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use xtask::Broker;

use crate::all::Findings;
use crate::cost::cores;
use crate::goals::{self, Judged};
use crate::measure::Measurement;

/// All measurements of one run.
pub(crate) struct Report {
    broker: String,
    cores: u32,
    found: Findings,
    /// Empty if it was not the question.
    goals: Vec<Judged>,
}

impl Report {
    /// What was found, compared with the goals if that is the question.
    pub(crate) fn new(broker: &Broker, found: Findings, with_goals: bool) -> Self {
        let goals = if with_goals { goals::judge(&found.runs) } else { Vec::new() };
        Self { broker: broker.kind().to_string(), cores: cores(), found, goals }
    }

    /// All measurements, one after the other.
    pub(crate) fn runs(&self) -> &[Measurement] {
        &self.found.runs
    }

    /// Whether every order became final, as far as anybody knows.
    pub(crate) fn is_good(&self) -> bool {
        !self.found.has_failed && self.runs().iter().all(|run| run.outcomes.tally.is_complete())
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn save(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&json::Document::of(self))?;
        fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "On {} cores, with Kafka {}", self.cores, self.broker)?;
        for run in self.runs() {
            write!(f, "\n{}", text::Run(run))?;
        }
        if let Some(ratio) = goals::tracing_ratio(self.runs()) {
            writeln!(f, "\nThroughput with tracing is {:.1} % of that without.", ratio * 100.0)?;
        }
        for missing in &self.found.missing {
            writeln!(f, "\nNot measured: {missing}")?;
        }
        if self.goals.is_empty() { Ok(()) } else { write!(f, "\n{}", text::goals(&self.goals)) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use xtask::PerService;

    use super::*;
    use crate::cost::{Cost, ProcessCost};
    use crate::journal::Hop;
    use crate::latency::Latencies;
    use crate::ledger::{Outcomes, Tally};
    use crate::limit::Limit;
    use crate::plan::Load;
    use crate::purpose::Purpose;
    use crate::schedule::Schedule;

    pub(crate) fn run(placed: u64, seconds: u64, spans_per_saga: Option<f64>) -> Measurement {
        let mut latencies = Latencies::default();
        (0..100).for_each(|_| latencies.record(Duration::from_millis(12)));
        let percentiles = latencies.percentiles();
        let tally = Tally { placed, confirmed: 100, ..Tally::default() };
        Measurement {
            purpose: Purpose::Asked,
            load: Load::Open(Schedule::new(20.0, placed)),
            products: 100,
            storage: "SQLite".into(),
            orders_before: 1_000,
            ready_after: PerService::new(|_| Duration::from_millis(321)),
            outcomes: Outcomes {
                tally,
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
            limit: Some(Limit { records_per_second: 12_000.0, record_bytes: 900 }),
            spans_per_saga,
            hops: vec![Hop {
                from: "sent".into(),
                to: "OrderPlaced decided".into(),
                took: percentiles,
                reached_p50_ms: 12.5,
            }],
        }
    }

    pub(crate) fn report(runs: Vec<Measurement>) -> Report {
        let found = Findings { runs, ..Findings::default() };
        Report { broker: "in Java".into(), cores: 2, found, goals: Vec::new() }
    }

    #[test]
    fn an_order_that_is_not_final_spoils_it() {
        assert!(report(vec![run(100, 9, None)]).is_good());
        assert!(!report(vec![run(100, 9, None), run(101, 9, None)]).is_good());
    }

    #[test]
    fn what_is_missing_is_told_and_spoils_nothing_unless_it_failed() {
        let mut report = report(vec![run(100, 9, None)]);
        report.found.missing.push("PostgreSQL, for none could be had here".into());
        report.goals = goals::judge(report.runs());
        assert!(report.is_good());
        let text = report.to_string();
        for part in [
            "Not measured: PostgreSQL, for none",
            "throughput on PostgreSQL, the better closed loop",
            "not measured in this run",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        report.found.has_failed = true;
        assert!(!report.is_good());
    }
}
