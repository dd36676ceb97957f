//! The tools: Python packages in a virtual environment and a Node package, with lock files in
//! `tests/verification/conformance`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::build::workspace::{Workspace, remove_dir};
use crate::process::tool;
use crate::progress::Progress;

const FETCHING: Duration = Duration::from_mins(10);

/// Lock files of the tools. When one changes, its tools are fetched again.
const PYTHON_LOCK: &str = "requirements.txt";
const NODE_LOCK: &str = "package-lock.json";

/// A directory with the tools and with copies of the programs that use them, because Node searches for packages beside
/// the program. It also keeps files of the tools out of the checkout.
pub(super) struct Tools {
    dir: PathBuf,
}

impl Tools {
    /// Fetches tools whose lock file changed since the last run.
    ///
    /// # Errors
    /// Something cannot be fetched.
    pub(super) fn prepare(workspace: &Workspace, progress: Progress) -> Result<Self> {
        let tools = Self { dir: workspace.target().join("conformance") };
        fs::create_dir_all(&tools.dir).with_context(|| format!("failed to create {}", tools.dir.display()))?;
        let _lock = workspace.lock("conformance-tools", FETCHING)?;
        copy_files(&workspace.root().join("tests/verification/conformance"), &tools.dir)?;
        tools.once("venv", PYTHON_LOCK, "the Python tools, 90 MB", progress, Self::fetch_python)?;
        tools.once("node_modules", NODE_LOCK, "AsyncAPI's parser, 55 MB", progress, Self::fetch_node)?;
        Ok(tools)
    }

    /// A command of the virtual environment.
    pub(super) fn python(&self, program: &str) -> Command {
        self.here(self.dir.join("venv/bin").join(program))
    }

    /// A program run by Node.
    pub(super) fn node(&self, program: &str) -> Command {
        let mut command = self.here("node");
        command.arg(program);
        command
    }

    fn here(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.dir);
        command
    }

    /// Recreates a directory unless it was created from the same lock file.
    fn once(
        &self,
        made: &str,
        lock: &str,
        what: &str,
        progress: Progress,
        fetch: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<()> {
        let stamp = self.dir.join(made).with_extension("stamp");
        let lock = fs::read_to_string(self.dir.join(lock)).with_context(|| format!("failed to read {lock}"))?;
        // The stamp is a copy of the lock file.
        if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == lock) {
            return Ok(());
        }
        let step = progress.step(format!("fetching {what}, once"));
        remove_dir(&self.dir.join(made))?;
        fetch(self)?;
        fs::write(&stamp, lock).with_context(|| format!("failed to write {}", stamp.display()))?;
        step.done(&format!("fetched {what}"));
        Ok(())
    }

    fn fetch_python(&self) -> Result<()> {
        let log = self.new_log("pip.log")?;
        let mut command = self.here("python3");
        command.args(["-m", "venv", "venv"]);
        tool::run("python3 -m venv", command, &log, FETCHING)?;
        let mut command = self.python("pip");
        command.args(["install", "--disable-pip-version-check", "--no-input", "--requirement", PYTHON_LOCK]);
        tool::run("pip install", command, &log, FETCHING)
    }

    fn fetch_node(&self) -> Result<()> {
        let log = self.new_log("npm.log")?;
        let mut command = self.here("npm");
        command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        tool::run("npm ci", command, &log, FETCHING)
    }

    fn new_log(&self, name: &str) -> Result<PathBuf> {
        let log = self.dir.join(name);
        fs::write(&log, "").with_context(|| format!("failed to write {}", log.display()))?;
        Ok(log)
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let target = to.join(entry.file_name());
            fs::copy(entry.path(), &target).with_context(|| format!("failed to write {}", target.display()))?;
        }
    }
    Ok(())
}
