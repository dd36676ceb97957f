//! `cargo saga bench-micro`: benchmarks of the steps that every event goes through.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::build::requirements;
use crate::build::workspace::{Workspace, cargo};
use crate::process::tool;
use crate::progress::Progress;

/// Includes compiling the benchmarks the first time.
const WITHIN: Duration = Duration::from_hours(1);

/// Builds the benchmarks optimized and runs them with these arguments; their output is passed through. Returns their
/// exit code.
///
/// # Errors
/// They cannot be built or run.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    let mut command = Command::new(cargo());
    command.args(["bench", "--package", "microbench", "--features", "benches", "--"]).args(arguments);
    command.current_dir(workspace.root());
    tool::run_shown("cargo bench", command, WITHIN)
}
