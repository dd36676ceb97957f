//! Runs the load generator, which is a crate of its own: it links a Kafka client, and this command shall compile quickly.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::progress::Progress;
use crate::suite::ServiceName;
use crate::workspace::{Workspace, cargo};
use crate::{requirements, tool};

/// The load generator's package and binary.
const BENCH: &str = "loadgen";

const BUILDING: Duration = Duration::from_hours(1);

/// Longer than anybody wants to wait for a figure.
const MEASURING: Duration = Duration::from_hours(6);

/// Builds everything optimized and runs the load generator with these arguments; its output is passed through. Returns
/// its exit code.
///
/// # Errors
/// When something can't be built or run.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    build(workspace, progress)?;
    let mut command = Command::new(workspace.target().join("release").join(BENCH));
    command.args(arguments);
    tool::run_shown(BENCH, command, MEASURING)
}

/// Builds what is measured and what measures, and no other binary: optimizing across crates takes minutes for each.
fn build(workspace: &Workspace, progress: Progress) -> Result<()> {
    let step = progress.step_shown_by_itself("building the services and the load generator, optimized");
    let mut command = Command::new(cargo());
    command.args(["build", "--release"]).current_dir(workspace.root());
    for package in ServiceName::all().map(ServiceName::name).chain([BENCH]) {
        command.args(["--package", package]);
    }
    let code = tool::run_shown("cargo build", command, BUILDING)?;
    ensure!(code == 0, "`cargo build` failed; its messages are above");
    step.done("built the services and the load generator");
    Ok(())
}
