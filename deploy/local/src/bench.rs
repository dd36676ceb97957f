//! Runs the load generator, which is a crate of its own: it links a Kafka client, and this command shall compile quickly.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::progress::Progress;
use crate::workspace::Workspace;
use crate::{demo, requirements, tool};

/// Longer than anybody wants to wait for a figure.
const MEASURING: Duration = Duration::from_hours(6);

/// Builds everything optimized and runs the load generator with these arguments; its output is passed through. Returns
/// its exit code.
///
/// # Errors
/// When something can't be built or run.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    demo::build(workspace, true, progress)?;
    // Not by `cargo run`: for one package alone cargo chooses other features of what it depends on, and compiles it anew.
    let mut command = Command::new(workspace.target().join("release/bench"));
    command.args(arguments);
    tool::run_shown("bench", command, MEASURING)
}
