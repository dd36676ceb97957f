//! Runs the load generator, a separate crate: it links a Kafka client, and this command must compile quickly.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::build::workspace::Workspace;
use crate::build::{compile, requirements};
use crate::process::tool;
use crate::progress::Progress;

/// The load generator's package and binary.
const LOADGEN: &str = "loadgen";

/// Longer than the longest measurement.
const MEASURING: Duration = Duration::from_hours(6);

/// Builds everything optimized and runs the load generator with these arguments; its output is passed through. Returns
/// its exit code.
///
/// # Errors
/// Something cannot be built or run.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    compile::services_and(workspace, &[LOADGEN], true, progress)?;
    let mut command = Command::new(workspace.target().join("release").join(LOADGEN));
    command.args(arguments);
    tool::run_shown(LOADGEN, command, MEASURING)
}
