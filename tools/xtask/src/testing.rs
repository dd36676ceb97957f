//! Running all tests of the workspace against a Kafka broker and a PostgreSQL server.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::broker::{ADDRESS_VARIABLE, Broker};
use crate::postgres::{Durability, Postgres, URL_VARIABLE};
use crate::progress::Progress;
use crate::workspace::{Workspace, cargo};
use crate::{demo, requirements, tool};

const TESTING: Duration = Duration::from_hours(1);
/// The package of the services' test build, and of the tests that need it.
const FAULTY: &str = "planted";
const NEEDS_FAULTY: &str = "chaos";

/// Gets a broker and a database server, builds the services and runs `cargo test` with these further arguments; its output is passed through.
/// Returns its exit code.
///
/// # Errors
/// When there is no broker or server to be had, or the services can't be built.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    let release = arguments.iter().any(|argument| argument == "--release" || argument == "-r");
    demo::build(workspace, release, progress)?;
    if !names_packages(arguments) || own(arguments).any(|argument| argument.ends_with(NEEDS_FAULTY)) {
        build_faulty(workspace, release, progress)?;
    }
    let broker = Broker::obtain(workspace, progress)?;
    let postgres = Postgres::obtain(workspace, Durability::UntilItStops, progress)?;
    let mut command = test_command(workspace, &broker, arguments);
    command.env(URL_VARIABLE, postgres.url());
    tool::run_shown("cargo test", command, TESTING)
}

/// Builds the services once more, with bugs and crashes on demand. Alone: cargo would give the feature to all that it builds
/// together.
fn build_faulty(workspace: &Workspace, release: bool, progress: Progress) -> Result<()> {
    let step = progress.step_shown_by_itself("building the services with bugs and crashes on demand");
    let mut command = Command::new(cargo());
    command.args(["build", "--package", FAULTY, "--features", "planted-bugs"]).current_dir(workspace.root());
    if release {
        command.arg("--release");
    }
    let code = tool::run_shown("cargo build", command, TESTING)?;
    ensure!(code == 0, "`cargo build` failed; its messages are above");
    step.done("built the services with bugs and crashes on demand");
    Ok(())
}

fn test_command(workspace: &Workspace, broker: &Broker, arguments: &[String]) -> Command {
    let mut command = Command::new(cargo());
    command.arg("test");
    if !names_packages(arguments) {
        command.arg("--workspace");
    }
    command.args(arguments).env(ADDRESS_VARIABLE, broker.bootstrap_servers()).current_dir(workspace.root());
    command
}

/// Whether the arguments choose packages themselves.
fn names_packages(arguments: &[String]) -> bool {
    own(arguments).any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

/// Cargo's own arguments: those before the second dashes.
fn own(arguments: &[String]) -> impl Iterator<Item = &String> {
    arguments.iter().take_while(|argument| *argument != "--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_before_the_second_dashes_only() {
        let arguments = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(names_packages(&arguments("-p e2e -- --nocapture")));
        assert!(names_packages(&arguments("--package=e2e")));
        assert!(!names_packages(&arguments("saga -- -p")));
    }
}
