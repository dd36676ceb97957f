//! Results of mutants, as cargo-mutants reports them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A change of the code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Mutant {
    /// Name printed by cargo-mutants: `<file>:<line>:<column>: <change>`.
    pub(super) name: String,
    /// The file, relative to the workspace.
    pub(super) file: String,
}

/// The result of a mutant over both runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MutantResult {
    /// It does not compile.
    Unviable,
    /// A unit test failed, or hung.
    KilledByUnitTests,
    /// A test of the model failed, or hung.
    KilledByModel,
    /// No test noticed.
    Survived,
}

/// The result of a mutant in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Unviable,
    Killed,
    Survived,
}

pub(super) type Outcomes = Vec<(Mutant, Verdict)>;

impl Mutant {
    /// The name as `--line-col=false` prints it: `<file>: <change>`. It stays the same when lines move.
    pub(super) fn name_without_place(&self) -> String {
        let change = self.name.split_once(": ").map_or(self.name.as_str(), |(_, change)| change);
        format!("{}: {change}", self.file)
    }
}

/// Reads an `outcomes.json`.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(path: &Path) -> Result<Outcomes> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    parse(&text).with_context(|| format!("invalid {}", path.display()))
}

fn parse(text: &str) -> Result<Outcomes> {
    #[derive(Deserialize)]
    struct OutcomesFile {
        outcomes: Vec<MutantOutcome>,
    }
    #[derive(Deserialize)]
    struct MutantOutcome {
        scenario: Scenario,
        summary: MutantSummary,
    }
    #[derive(Deserialize)]
    enum Scenario {
        Baseline,
        Mutant(Mutant),
    }
    #[derive(Deserialize)]
    enum MutantSummary {
        CaughtMutant,
        Timeout,
        Unviable,
        #[serde(other)]
        Unnoticed,
    }
    let report: OutcomesFile = serde_json::from_str(text)?;
    let of_mutant = |outcome: MutantOutcome| {
        let Scenario::Mutant(mutant) = outcome.scenario else { return None };
        Some((
            mutant,
            match outcome.summary {
                MutantSummary::CaughtMutant | MutantSummary::Timeout => Verdict::Killed,
                MutantSummary::Unviable => Verdict::Unviable,
                MutantSummary::Unnoticed => Verdict::Survived,
            },
        ))
    };
    Ok(report.outcomes.into_iter().filter_map(of_mutant).collect())
}

/// Number of mutants that survived.
pub(super) fn survivors(outcomes: &Outcomes) -> usize {
    outcomes.iter().filter(|(_, verdict)| *verdict == Verdict::Survived).count()
}

/// Results of all mutants; only survivors of the unit tests were tested with the model.
pub(super) fn results(of_unit_tests: Outcomes, of_model: Outcomes) -> Vec<(Mutant, MutantResult)> {
    let killed = |(mutant, verdict)| (verdict == Verdict::Killed).then_some(mutant);
    let killed_by_model: BTreeSet<Mutant> = of_model.into_iter().filter_map(killed).collect();
    let result = |mutant: &Mutant, verdict| match verdict {
        Verdict::Unviable => MutantResult::Unviable,
        Verdict::Killed => MutantResult::KilledByUnitTests,
        Verdict::Survived if killed_by_model.contains(mutant) => MutantResult::KilledByModel,
        Verdict::Survived => MutantResult::Survived,
    };
    let with_fate = |(mutant, verdict)| {
        let result = result(&mutant, verdict);
        (mutant, result)
    };
    of_unit_tests.into_iter().map(with_fate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(name: &str) -> Mutant {
        Mutant { name: name.into(), file: "services/order/src/decider.rs".into() }
    }

    #[test]
    fn report_is_read_without_its_baseline() {
        let report = r#"{"total_mutants": 1, "outcomes": [
            {"scenario": "Baseline", "summary": "Success", "log_path": "log/baseline.log"},
            {"scenario": {"Mutant": {"name": "a.rs:1:2: replace x", "file": "a.rs", "package": "a"}}, "summary": "MissedMutant"},
            {"scenario": {"Mutant": {"name": "a.rs:2:2: delete y", "file": "a.rs", "package": "a"}}, "summary": "Timeout"},
            {"scenario": {"Mutant": {"name": "a.rs:3:2: delete z", "file": "a.rs", "package": "a"}}, "summary": "Unviable"}
        ]}"#;
        let read = parse(report).expect("a report");
        assert_eq!(
            read.iter().map(|(_, verdict)| *verdict).collect::<Vec<_>>(),
            [Verdict::Survived, Verdict::Killed, Verdict::Unviable]
        );
        assert_eq!(read[0].0.name, "a.rs:1:2: replace x");
        assert_eq!(survivors(&read), 1);
    }

    #[test]
    fn name_without_place_keeps_file_and_change() {
        let named = mutant("services/order/src/decider.rs:258:53: replace || with && in OrderState::stock_is_back");
        assert_eq!(
            named.name_without_place(),
            "services/order/src/decider.rs: replace || with && in OrderState::stock_is_back"
        );
    }

    #[test]
    fn model_results_replace_those_of_survivors() {
        let names = ["unviable", "killed", "left, killed", "left, survived", "left, not reached"].map(mutant);
        let [unviable, killed, left_killed, left_survived, left_not_reached] = names.clone();
        let of_unit_tests = vec![
            (unviable, Verdict::Unviable),
            (killed, Verdict::Killed),
            (left_killed.clone(), Verdict::Survived),
            (left_survived.clone(), Verdict::Survived),
            (left_not_reached, Verdict::Survived),
        ];
        let of_model = vec![(left_killed, Verdict::Killed), (left_survived, Verdict::Survived)];
        let results = results(of_unit_tests, of_model);
        let expected = [
            MutantResult::Unviable,
            MutantResult::KilledByUnitTests,
            MutantResult::KilledByModel,
            MutantResult::Survived,
            MutantResult::Survived,
        ];
        assert_eq!(results, names.into_iter().zip(expected).collect::<Vec<_>>());
    }
}
