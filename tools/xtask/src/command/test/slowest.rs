//! The slowest tests of a run.

use std::fmt;
use std::fs;

use anyhow::{Context, Result};

use crate::build::workspace::Workspace;
use crate::table::Table;

/// Number of tests listed.
const LISTED: usize = 10;

/// Runs a test program so that it reports the time of each test. libtest accepts the flag only with this variable, which must not
/// reach the compiler because it would compile everything again.
const RUNNER: &str = "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec \"$@\" -Zunstable-options --report-time\n";

/// Durations of tests, read from the output of test programs.
#[derive(Debug, Default)]
pub(super) struct Slowest {
    tests: Vec<(f64, String)>,
}

/// Cargo's setting that makes test programs report the time of each test.
///
/// # Errors
/// The script that runs test programs cannot be written.
pub(super) fn runner(workspace: &Workspace) -> Result<String> {
    let script = workspace.target().join("test-runner.sh");
    fs::write(&script, RUNNER).with_context(|| format!("failed to write {}", script.display()))?;
    Ok(format!("target.'cfg(all())'.runner = ['sh', '{}']", script.display()))
}

impl Slowest {
    /// Reads a line of output. Lines such as `test orders::are_listed ... ok <1.234s>` count.
    pub(super) fn read(&mut self, line: &str) {
        let Some((name, result)) = line.strip_prefix("test ").and_then(|test| test.split_once(" ... ")) else { return };
        let seconds = result.rsplit_once('<').and_then(|(_, time)| time.strip_suffix("s>")?.parse().ok());
        if let Some(seconds) = seconds {
            self.tests.push((seconds, name.to_owned()));
        }
    }
}

impl fmt::Display for Slowest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tests = self.tests.clone();
        tests.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let mut table = Table::new(&["slowest tests", "s"], &[1]);
        for (seconds, name) in tests.into_iter().take(LISTED) {
            table.row(vec![name, format!("{seconds:.1}")]);
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowest_tests_are_listed_first() {
        let mut slowest = Slowest::default();
        for number in 0..12 {
            slowest.read(&format!("test number_{number} ... ok <{number}.25s>"));
        }
        slowest.read("test result: ok. 12 passed; finished in 3.00s");
        slowest.read("a line <99.0s>");
        let text = slowest.to_string();
        let listed: Vec<_> = text.lines().filter(|line| line.contains("number_")).collect();
        assert_eq!(listed.len(), LISTED, "{text}");
        assert!(listed[0].contains("number_11") && listed[0].contains("11.2"), "{text}");
    }
}
