//! A summary of the results of all mutants.

use std::fmt;
use std::time::Duration;

use super::outcomes::{Mutant, MutantResult};

/// Number of mutants for each result.
#[derive(Debug)]
pub(super) struct ResultCounts {
    unviable: usize,
    killed_by_unit_tests: usize,
    killed_by_model: usize,
    survived: usize,
    took: Duration,
}

impl ResultCounts {
    pub(super) fn of(results: &[(Mutant, MutantResult)], took: Duration) -> Self {
        let count = |result| results.iter().filter(|(_, came)| *came == result).count();
        Self {
            unviable: count(MutantResult::Unviable),
            killed_by_unit_tests: count(MutantResult::KilledByUnitTests),
            killed_by_model: count(MutantResult::KilledByModel),
            survived: count(MutantResult::Survived),
            took,
        }
    }
}

impl fmt::Display for ResultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unviable, killed_by_unit_tests, killed_by_model, survived, took } = self;
        let viable = killed_by_unit_tests + killed_by_model + survived;
        let (minutes, seconds) = (took.as_secs() / 60, took.as_secs() % 60);
        writeln!(f, "{} mutants in {minutes} min {seconds} s", viable + unviable)?;
        writeln!(f, "  {unviable:>4} unviable: they do not compile")?;
        writeln!(f, "  {viable:>4} viable, of which")?;
        writeln!(f, "  {killed_by_unit_tests:>8} killed by unit tests")?;
        writeln!(f, "  {killed_by_model:>8} killed by the model")?;
        write!(f, "  {survived:>8} survived")
    }
}
