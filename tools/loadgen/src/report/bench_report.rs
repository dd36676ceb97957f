//! All measurements of one run with the goals.

use xtask::Broker;

use super::goals::{self, GoalResult};
use crate::measure::measurement::Measurement;
use crate::measure::results::BenchResults;
use crate::resources::cost::cores;

pub(crate) struct BenchReport {
    pub(super) broker: String,
    pub(super) cores: u32,
    pub(super) results: BenchResults,
    /// Empty if the goals were not requested.
    pub(super) goals: Vec<GoalResult>,
}

impl BenchReport {
    /// Report of these results, with the goals if requested.
    pub(crate) fn new(broker: &Broker, results: BenchResults, with_goals: bool) -> Self {
        let goals = if with_goals { goals::evaluate(&results.runs) } else { Vec::new() };
        Self { broker: broker.kind().to_string(), cores: cores(), results, goals }
    }

    pub(crate) fn runs(&self) -> &[Measurement] {
        &self.results.runs
    }

    /// Returns whether no measurement failed and every order became final.
    pub(crate) fn is_complete(&self) -> bool {
        !self.results.has_failed && self.runs().iter().all(|run| run.result.counts.is_complete())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{report, run};

    #[test]
    fn report_is_incomplete_when_an_order_is_not_final() {
        assert!(report(vec![run(100, 9, None)]).is_complete());
        assert!(!report(vec![run(100, 9, None), run(101, 9, None)]).is_complete());
    }

    #[test]
    fn report_is_incomplete_when_a_measurement_failed() {
        let mut report = report(vec![run(100, 9, None)]);
        report.results.missing.push("PostgreSQL: not available".into());
        assert!(report.is_complete());
        report.results.has_failed = true;
        assert!(!report.is_complete());
    }
}
