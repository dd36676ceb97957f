//! Running a tool to its end: bounded, and with its last words in the error.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::children::Role;
use crate::process::Process;
use crate::tail;

/// Runs a tool with its output in a log file.
///
/// # Errors
/// When it can't be run, fails, or takes longer than `within` (it is stopped then).
pub(crate) fn run(name: &str, command: Command, log: &Path, within: Duration) -> Result<()> {
    let mut process = Process::spawn(Role::Tool, name, command, log)?;
    let status = tail::explain(process.wait(within), || process.last_words())?;
    ensure!(status.success(), "{name} failed, {status}; {}", process.last_words());
    Ok(())
}

/// Runs a tool with its output in a log file, and returns its exit code; 1 if a signal ended it.
///
/// # Errors
/// When it can't be run, or takes longer than `within` (it is stopped then).
pub(crate) fn run_logged(name: &str, command: Command, log: &Path, within: Duration) -> Result<u8> {
    let mut process = Process::spawn(Role::Tool, name, command, log)?;
    let status = tail::explain(process.wait(within), || process.last_words())?;
    Ok(exit_code(status))
}

/// Runs a tool whose output goes where this program's goes, and returns its exit code; 1 if a signal ended it.
///
/// # Errors
/// When it can't be run, or takes longer than `within` (it is stopped then).
pub(crate) fn run_shown(name: &str, command: Command, within: Duration) -> Result<u8> {
    let status = Process::spawn_plain(Role::Tool, name, command)?.wait(within)?;
    Ok(exit_code(status))
}

fn exit_code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Runs a tool that says less than a pipe holds, and returns what it said.
///
/// # Errors
/// When it can't be run, fails, or takes longer than `within` (it is stopped then); one line with its last words.
pub(crate) fn ask(name: &str, mut command: Command, within: Duration) -> Result<String> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::spawn_plain(Role::Tool, name, command)?;
    let status = process.wait(within)?;
    let (said, complained) = process.output()?;
    let last_words = complained.lines().last().unwrap_or("it gave no reason").trim();
    ensure!(status.success(), "`{name}` failed: {last_words}");
    Ok(said)
}
