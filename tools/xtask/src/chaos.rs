//! Runs the chaos test, which is a crate of its own: it links a Kafka client, and this command shall compile quickly.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::progress::Progress;
use crate::workspace::Workspace;
use crate::{demo, requirements, tool};

/// The long form takes about half an hour.
const RUNNING: Duration = Duration::from_hours(6);

/// Builds everything and runs the chaos test with these arguments; its output is passed through. Returns its exit code.
///
/// # Errors
/// When something can't be built or run.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    demo::build(workspace, false, progress)?;
    let mut command = Command::new(workspace.target().join("debug/chaos"));
    command.args(arguments);
    tool::run_shown("chaos", command, RUNNING)
}
