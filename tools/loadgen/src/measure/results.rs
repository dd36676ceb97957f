//! Results of a run of the load generator.

use anyhow::Result;

use super::measurement::Measurement;

#[derive(Default)]
pub(crate) struct BenchResults {
    pub(crate) runs: Vec<Measurement>,
    /// Missing measurements with the reason.
    pub(crate) missing: Vec<String>,
    /// True if a missing measurement is a failure.
    pub(crate) has_failed: bool,
}

impl BenchResults {
    /// Adds measurements or their failure. A failure does not prevent other measurements.
    pub(crate) fn add(&mut self, what: &str, runs: Result<Vec<Measurement>>) {
        match runs {
            Ok(runs) => self.runs.extend(runs),
            Err(error) => {
                self.missing.push(format!("{what}: {error:#}"));
                self.has_failed = true;
            }
        }
    }
}
