//! Builds of the services and of the programs that a command runs.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use catalog::ServiceName;

use crate::build::workspace::{Workspace, cargo};
use crate::process::tool;
use crate::progress::Progress;

const WITHIN: Duration = Duration::from_hours(1);

/// Builds the services, optimized if `release`, with cargo's own output.
///
/// # Errors
/// The build fails.
pub fn services(workspace: &Workspace, release: bool, progress: Progress) -> Result<()> {
    services_and(workspace, &[], release, progress)
}

/// Builds the services and the programs of these packages.
///
/// # Errors
/// The build fails.
pub(crate) fn services_and(workspace: &Workspace, packages: &[&str], release: bool, progress: Progress) -> Result<()> {
    let mut all: Vec<&str> = ServiceName::all().map(ServiceName::name).collect();
    all.extend(packages);
    let arguments: Vec<&str> = all.into_iter().flat_map(|package| ["--package", package]).collect();
    build("the services", &arguments, release, workspace, progress)
}

/// Builds all programs of the workspace.
///
/// # Errors
/// The build fails.
pub(crate) fn programs(workspace: &Workspace, release: bool, progress: Progress) -> Result<()> {
    build("all programs", &["--workspace"], release, workspace, progress)
}

/// Builds all programs and tests of the workspace at once: cargo compiles dependencies with the features that any of them
/// needs, and programs alone would need fewer.
///
/// # Errors
/// The build fails.
pub(crate) fn programs_and_tests(workspace: &Workspace, release: bool, progress: Progress) -> Result<()> {
    build("all programs and tests", &["--workspace", "--tests"], release, workspace, progress)
}

fn build(what: &str, arguments: &[&str], release: bool, workspace: &Workspace, progress: Progress) -> Result<()> {
    let step = progress.step_shown_by_itself(format!("building {what}"));
    let mut command = Command::new(cargo());
    command.args(["build", "--bins"]).args(arguments).current_dir(workspace.root());
    if release {
        command.arg("--release");
    }
    let code = tool::run_shown("cargo build", command, WITHIN)?;
    ensure!(code == 0, "`cargo build` failed; its messages are above");
    step.done(&format!("built {what}"));
    Ok(())
}
