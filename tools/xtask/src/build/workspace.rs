//! Directories of this workspace: sources, build products, and files of single runs.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::process::liveness;
use crate::process::wait::{Poll, wait_for};

/// Directories of ended runs that are kept, for their logs.
const ENDED_RUNS_KEPT: usize = 5;

/// The workspace that contains the current directory, or the package that `cargo run` or `cargo test` works on.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Workspace {
    /// Finds the workspace with `cargo metadata`, which honours `CARGO_TARGET_DIR` and cargo's configuration.
    ///
    /// # Errors
    /// Cargo cannot be run, or the current directory is not in a cargo workspace.
    pub fn find() -> Result<Self> {
        let place = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let output = Command::new(cargo())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(&place)
            .output()
            .context("failed to run `cargo metadata`")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`cargo metadata` failed in {}: {}", place.display(), stderr.trim());
        let found: Metadata = serde_json::from_slice(&output.stdout).context("invalid output of `cargo metadata`")?;
        Ok(Self { root: found.workspace_root, target: found.target_directory })
    }

    /// A workspace with these directories of sources and build products.
    pub fn at(root: PathBuf, target: PathBuf) -> Self {
        Self { root, target }
    }

    /// The directory of the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of build products, usually `target`.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Creates a new empty directory `target/<purpose>/<pid>-<n>` that no other run uses, and removes all but the
    /// newest few of those whose process has ended.
    ///
    /// # Errors
    /// A directory cannot be created.
    pub fn run_dir(&self, purpose: &str) -> Result<PathBuf> {
        self.run_dir_of(purpose, ENDED_RUNS_KEPT)
    }

    /// Like [`Workspace::run_dir`], but keeps `ended_kept` directories of ended processes.
    pub(crate) fn run_dir_of(&self, purpose: &str, ended_kept: usize) -> Result<PathBuf> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let parent = self.target.join(purpose);
        remove_ended_runs(&parent, ended_kept);
        let name = format!("{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = parent.join(name);
        // An earlier process may have had the same id.
        remove_dir(&dir)?;
        fs::create_dir_all(&dir).with_context(|| format!("failed to create {}", dir.display()))?;
        Ok(dir)
    }

    /// Takes the lock `target/<name>.lock` against other processes; it is released when the file is dropped.
    ///
    /// # Errors
    /// The lock is not free within the given time.
    pub(crate) fn lock(&self, name: &str, within: Duration) -> Result<File> {
        let path = self.target.join(format!("{name}.lock"));
        fs::create_dir_all(&self.target).with_context(|| format!("failed to create {}", self.target.display()))?;
        let file = File::create(&path).with_context(|| format!("failed to create {}", path.display()))?;
        wait_for(&format!("the lock {}", path.display()), within, || match file.try_lock() {
            Ok(()) => Ok(Poll::Ready(())),
            Err(TryLockError::WouldBlock) => Ok(Poll::Pending("another process holds it".into())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        })?;
        Ok(file)
    }
}

/// The cargo that runs this program, else the one on the path.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Removes a directory with its content, if it exists.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Best effort: another process may be removing the same ones.
fn remove_ended_runs(parent: &Path, kept: usize) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let mut ended: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .filter(|entry| has_ended(&entry.file_name().to_string_lossy()))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    ended.sort();
    let surplus = ended.len().saturating_sub(kept);
    for (_, dir) in ended.drain(..surplus) {
        fs::remove_dir_all(dir).ok();
    }
}

/// Returns true for the directory name `<pid>-<n>` of a process that has ended.
fn has_ended(name: &str) -> bool {
    let pid = name.split_once('-').and_then(|(pid, _)| pid.parse().ok());
    pid.is_some_and(|pid| liveness::identity(pid).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_ended_processes_count_as_ended() {
        assert!(!has_ended(&format!("{}-0", process::id())));
        assert!(!has_ended("persistent"));
        assert!(has_ended("4194399-0"));
    }

    #[test]
    fn run_directories_are_unique() {
        let workspace = Workspace::find().expect("this is a workspace");
        let first = workspace.run_dir("test-run-dirs").expect("first");
        let second = workspace.run_dir("test-run-dirs").expect("second");
        assert_ne!(first, second);
        remove_dir(&workspace.target().join("test-run-dirs")).expect("removed");
    }
}
