//! `cargo saga test`: all tests of the workspace against a Kafka broker and a PostgreSQL server.

mod slowest;

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::broker::{ADDRESS_VARIABLE, Broker};
use crate::build::workspace::{Workspace, cargo};
use crate::build::{compile, requirements};
use crate::postgres::{Durability, Postgres, URL_VARIABLE};
use crate::process::tool;
use crate::progress::Progress;
use slowest::Slowest;

const TESTING: Duration = Duration::from_hours(1);

/// Obtains a broker and a database server, builds the services, runs `cargo test` with these arguments, and lists the slowest
/// tests. The tests' output is passed through. Returns the exit code of `cargo test`.
///
/// # Errors
/// No broker or server can be started, or the services cannot be built.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    let release = arguments.iter().any(|argument| argument == "--release" || argument == "-r");
    // Tests start programs of other packages, which cargo does not build for them.
    if names_packages(arguments) {
        compile::programs(workspace, release, progress)?;
    } else {
        compile::programs_and_tests(workspace, release, progress)?;
    }
    let broker = Broker::obtain(workspace, progress)?;
    let postgres = Postgres::obtain(workspace, Durability::UntilItStops, progress)?;
    let mut command = test_command(workspace, &broker, arguments)?;
    command.env(URL_VARIABLE, postgres.url());
    let mut slowest = Slowest::default();
    let code = tool::run_read("cargo test", command, TESTING, |line| {
        println!("{line}");
        slowest.read(line);
    })?;
    println!("{slowest}");
    Ok(code)
}

fn test_command(workspace: &Workspace, broker: &Broker, arguments: &[String]) -> Result<Command> {
    let mut command = Command::new(cargo());
    command.args(["--config", &slowest::runner(workspace)?, "test"]);
    if !names_packages(arguments) {
        command.arg("--workspace");
    }
    command.args(arguments).env(ADDRESS_VARIABLE, broker.bootstrap_servers()).current_dir(workspace.root());
    Ok(command)
}

/// Returns true if the arguments select packages.
fn names_packages(arguments: &[String]) -> bool {
    cargo_arguments(arguments).any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

/// Arguments for cargo: those before `--`. The others are for the tests.
fn cargo_arguments(arguments: &[String]) -> impl Iterator<Item = &String> {
    arguments.iter().take_while(|argument| *argument != "--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_count_only_before_the_second_dashes() {
        let arguments = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(names_packages(&arguments("-p e2e -- --nocapture")));
        assert!(names_packages(&arguments("--package=e2e")));
        assert!(!names_packages(&arguments("saga -- -p")));
    }
}
