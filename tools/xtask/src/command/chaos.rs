//! Runs the chaos test, a separate crate: it links a Kafka client, and this command must compile quickly.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::build::workspace::Workspace;
use crate::build::{compile, requirements};
use crate::process::tool;
use crate::progress::Progress;

/// The long form takes about half an hour.
const RUNNING: Duration = Duration::from_hours(6);

/// Builds everything and runs the chaos test with these arguments; its output is passed through. Returns its exit code.
///
/// # Errors
/// Something cannot be built or run.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    compile::services_and(workspace, &["chaos"], false, progress)?;
    let mut command = Command::new(workspace.target().join("debug/chaos"));
    command.args(arguments);
    tool::run_shown("chaos", command, RUNNING)
}
