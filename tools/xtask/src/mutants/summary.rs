//! What became of all mutants, in a few lines.

use std::fmt;
use std::time::Duration;

use super::outcomes::{Fate, Mutant};

/// How many mutants there are of each fate.
#[derive(Debug)]
pub(super) struct Summary {
    unviable: usize,
    killed_by_unit_tests: usize,
    killed_by_model: usize,
    survived: usize,
    took: Duration,
}

impl Summary {
    pub(super) fn of(fates: &[(Mutant, Fate)], took: Duration) -> Self {
        let count = |fate| fates.iter().filter(|(_, came)| *came == fate).count();
        Self {
            unviable: count(Fate::Unviable),
            killed_by_unit_tests: count(Fate::KilledByUnitTests),
            killed_by_model: count(Fate::KilledByModel),
            survived: count(Fate::Survived),
            took,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unviable, killed_by_unit_tests, killed_by_model, survived, took } = self;
        let viable = killed_by_unit_tests + killed_by_model + survived;
        let (minutes, seconds) = (took.as_secs() / 60, took.as_secs() % 60);
        writeln!(f, "{} mutants in {minutes} min {seconds} s", viable + unviable)?;
        writeln!(f, "  {unviable:>4} unviable: they don't compile")?;
        writeln!(f, "  {viable:>4} viable, of which")?;
        writeln!(f, "  {killed_by_unit_tests:>8} killed by unit tests")?;
        writeln!(f, "  {killed_by_model:>8} killed by the model")?;
        write!(f, "  {survived:>8} survived")
    }
}
