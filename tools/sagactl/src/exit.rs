//! Exit codes.

use std::process::ExitCode;

/// Exit code for invalid arguments or configuration, as in sysexits.h. The services use it too.
pub(crate) const USAGE: u8 = 64;

/// Arguments that clap accepts one by one but that contradict each other.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) &'static str);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for UsageError {}

/// Result of a command that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    Success,
    /// An operation was refused or a check found a difference; the output names it.
    Failure,
}

impl ExitStatus {
    pub(crate) fn success_if(success: bool) -> Self {
        if success { Self::Success } else { Self::Failure }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Success => Self::SUCCESS,
            ExitStatus::Failure => Self::FAILURE,
        }
    }
}
