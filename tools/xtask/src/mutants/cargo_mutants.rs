//! A pinned cargo-mutants, installed in the build directory on first use.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::outcomes::{self, Outcomes};
use crate::build::workspace::{Workspace, cargo, remove_dir};
use crate::process::tool;
use crate::progress::Progress;
use catalog::ServiceName;

const VERSION: &str = "27.1.0";

const QUERY_TIMEOUT: Duration = Duration::from_secs(30);
const INSTALLING: Duration = Duration::from_mins(20);
const RUNNING: Duration = Duration::from_hours(2);

/// In seconds; the model takes twenty. cargo-mutants derives the timeout of unit tests from a run without mutants.
const MODEL_TIMEOUT: &str = "--timeout=600";

/// Tests that run against a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tests {
    /// `tests/decider` of the mutated package.
    OfUnit,
    /// All of `tests/verification/model`, for survivors of the unit tests.
    OfModel,
}

pub(super) struct CargoMutants {
    root: PathBuf,
    program: PathBuf,
    output: PathBuf,
}

impl CargoMutants {
    /// Installs the pinned version unless it is installed.
    ///
    /// # Errors
    /// It cannot be installed.
    pub(super) fn prepare(workspace: &Workspace, progress: Progress) -> Result<Self> {
        let tools = workspace.target().join("tools");
        let found = Self {
            root: workspace.root().to_owned(),
            program: tools.join("bin/cargo-mutants"),
            output: workspace.target().join("mutants"),
        };
        if !found.is_installed() {
            let step = progress.step(format!("installing cargo-mutants {VERSION} in target/tools, once"));
            let mut command = Command::new(cargo());
            // Not optimized, because cargo-mutants mostly waits for cargo.
            command.args(["install", "--debug", "--locked", "--version", VERSION, "--root"]).arg(&tools);
            command.arg("cargo-mutants").current_dir(workspace.root());
            let log = workspace.run_dir("mutants-logs")?.join("cargo-install.log");
            tool::run("cargo install cargo-mutants", command, &log, INSTALLING)?;
            step.done(&format!("installed cargo-mutants {VERSION}"));
        }
        Ok(found)
    }

    fn is_installed(&self) -> bool {
        let mut command = self.command();
        command.arg("--version");
        self.program.exists()
            && tool::stdout_of("cargo-mutants", command, QUERY_TIMEOUT).is_ok_and(|said| said.trim().ends_with(VERSION))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("mutants").current_dir(&self.root);
        command
    }

    /// Runs the mutants of these packages, or of all; its output is passed through.
    ///
    /// # Errors
    /// The tests fail without any mutant, or cargo-mutants does not finish.
    pub(super) fn run(&self, packages: &[String], tests: Tests) -> Result<Outcomes> {
        match tests {
            // Removes results of earlier runs.
            Tests::OfUnit => remove_dir(&self.output)?,
            Tests::OfModel => self.try_model()?,
        }
        let mut command = self.command();
        command.args(arguments(packages, tests)).arg("--output").arg(&self.output);
        let report = self.output.join("mutants.out/outcomes.json");
        match tool::run_shown("cargo-mutants", command, RUNNING)? {
            0 if !report.exists() => bail!("there is nothing to mutate"),
            // All killed, some survived, some hung.
            0 | 2 | 3 => outcomes::read(&report),
            4 => bail!("the tests fail without any mutant"),
            code => bail!("cargo-mutants ended with code {code}"),
        }
    }

    /// Runs the model without any mutant, because cargo-mutants runs only the tests of the packages that it changes.
    fn try_model(&self) -> Result<()> {
        let mut command = Command::new(cargo());
        command.args(["test", "--package", "model", "--test", "*"]).current_dir(&self.root);
        let log = self.output.join("model.log");
        tool::run("the model without any mutant", command, &log, RUNNING)
    }
}

/// Mutates in place, because a copy would require a full build.
fn arguments(packages: &[String], tests: Tests) -> Vec<String> {
    let packages = packages.iter().map(|package| format!("--package={package}"));
    let always = ["--in-place", "--annotations=none"].map(str::to_owned);
    always.into_iter().chain(packages).chain(tests.arguments()).collect()
}

impl Tests {
    fn arguments(self) -> Vec<String> {
        match self {
            Self::OfUnit => {
                let without_debug_info = ServiceName::all().map(without_debug_info);
                ["--cargo-arg=--test=decider".to_owned()].into_iter().chain(without_debug_info).collect()
            }
            // Cargo expands the pattern to all files in the folder `tests`.
            Self::OfModel => {
                let arguments = ["--iterate", "--baseline=skip", "--test-package=model", "--cargo-arg=--test=*"];
                arguments.into_iter().chain([MODEL_TIMEOUT]).map(str::to_owned).collect()
            }
        }
    }
}

/// Cargo links a service's binary with every mutant because tests may run it. Without debug info, a mutant takes a
/// third less time.
fn without_debug_info(service: ServiceName) -> String {
    format!("--cargo-arg=--config=profile.dev.package.{}.strip=\"debuginfo\"", service.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_tests_only_survivors_of_unit_tests() {
        let chosen = ["order".to_owned()];
        assert!(arguments(&chosen, Tests::OfModel).contains(&"--iterate".to_owned()));
        assert!(!arguments(&chosen, Tests::OfUnit).contains(&"--iterate".to_owned()));
    }

    #[test]
    fn packages_are_selected_for_both_tests() {
        for tests in [Tests::OfUnit, Tests::OfModel] {
            assert!(arguments(&["order".to_owned()], tests).contains(&"--package=order".to_owned()));
            assert!(!arguments(&[], tests).iter().any(|argument| argument.starts_with("--package")));
        }
    }
}
