//! `cargo saga contracts`: runs the contract tool, a separate crate, because this crate does not depend on the
//! contracts.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::build::workspace::{Workspace, cargo};
use crate::process::tool;

/// Includes compiling the tool the first time.
const WITHIN: Duration = Duration::from_mins(20);

/// Builds the tool, so that it contains the current contracts, and runs it with these arguments. Returns its exit code.
///
/// # Errors
/// It cannot be run.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<u8> {
    let mut command = Command::new(cargo());
    command.args(["run", "--quiet", "--package", "contract-tools", "--"]).args(arguments).current_dir(workspace.root());
    tool::run_shown("cargo saga contracts", command, WITHIN)
}
