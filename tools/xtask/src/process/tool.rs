//! Running a tool with a time limit. Errors include its last output.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process::child::Process;
use crate::process::children::Role;
use crate::process::tail;

/// Runs a tool with its output in a log file.
///
/// # Errors
/// It cannot be run, fails, or takes longer than `within` (it is stopped then).
pub(crate) fn run(name: &str, command: Command, log: &Path, within: Duration) -> Result<()> {
    let mut process = Process::spawn(Role::Tool, name, command, log)?;
    let status = tail::explain(process.wait(within), || process.recent_output())?;
    ensure!(status.success(), "{name} failed, {status}; {}", process.recent_output());
    Ok(())
}

/// Runs a tool with its output in a log file, and returns its exit code; 1 if a signal ended it.
///
/// # Errors
/// It cannot be run, or takes longer than `within` (it is stopped then).
pub(crate) fn run_logged(name: &str, command: Command, log: &Path, within: Duration) -> Result<u8> {
    let mut process = Process::spawn(Role::Tool, name, command, log)?;
    let status = tail::explain(process.wait(within), || process.recent_output())?;
    Ok(exit_code(status))
}

/// Runs a tool with the output streams of this program, and returns its exit code; 1 if a signal ended it.
///
/// # Errors
/// It cannot be run, or takes longer than `within` (it is stopped then).
pub(crate) fn run_shown(name: &str, command: Command, within: Duration) -> Result<u8> {
    let status = Process::spawn_plain(Role::Tool, name, command)?.wait(within)?;
    Ok(exit_code(status))
}

/// Runs a tool, passes each line of its standard output to `read`, and returns its exit code; 1 if a signal ended it.
/// Its standard error is this program's.
///
/// # Errors
/// It cannot be run, or takes longer than `within`; it is stopped then.
pub(crate) fn run_read(
    name: &str,
    mut command: Command,
    within: Duration,
    mut read: impl FnMut(&str) + Send,
) -> Result<u8> {
    command.stdout(Stdio::piped());
    let mut process = Process::spawn_plain(Role::Tool, name, command)?;
    let output = process.take_stdout().context("the tool has no standard output")?;
    let status = thread::scope(|scope| {
        scope.spawn(move || BufReader::new(output).lines().map_while(Result::ok).for_each(|line| read(&line)));
        // Stopping the tool on a timeout closes its output, so the reader ends, too.
        let status = process.wait(within);
        if status.is_err() {
            process.terminate().ok();
        }
        status
    })?;
    Ok(exit_code(status))
}

fn exit_code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Runs a tool whose output fits into a pipe, and returns its standard output.
///
/// # Errors
/// It cannot be run, fails, or takes longer than `within` (it is stopped then). The message has the last line of its
/// standard error.
pub(crate) fn stdout_of(name: &str, mut command: Command, within: Duration) -> Result<String> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::spawn_plain(Role::Tool, name, command)?;
    let status = process.wait(within)?;
    let (stdout, stderr) = process.output()?;
    let recent_output = stderr.lines().last().unwrap_or("no output on standard error").trim();
    ensure!(status.success(), "`{name}` failed: {recent_output}");
    Ok(stdout)
}

/// Returns true if a directory of the PATH contains this program.
pub(crate) fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|dir| is_program(&dir.join(program)))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_is_found_when_it_is_on_the_path() {
        assert!(on_path("sh"));
        assert!(!on_path("no-such-program-anywhere"));
    }
}
