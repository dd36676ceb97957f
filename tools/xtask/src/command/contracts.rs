//! `cargo saga contracts`: the tool that knows the contracts, which this crate does not.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::build::workspace::{Workspace, cargo};
use crate::process::tool;

/// Also the first time, when it is compiled.
const WITHIN: Duration = Duration::from_mins(20);

/// Builds the tool, so that it has the contracts as they are in the code now, and runs it with these arguments. Returns its
/// exit code.
///
/// # Errors
/// It cannot be run.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<u8> {
    let mut command = Command::new(cargo());
    command.args(["run", "--quiet", "--package", "contract-tools", "--"]).args(arguments).current_dir(workspace.root());
    tool::run_shown("cargo saga contracts", command, WITHIN)
}
