//! The state file of the broker that outlives the command that started it.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::probe;
use super::settings::DATA;
use crate::build::workspace::{Workspace, remove_dir};
use crate::process::group;
use crate::process::liveness;
use crate::process::tool;
use crate::process::wait::{Poll, wait_for};

const DOCKER: Duration = Duration::from_secs(20);

/// A broker left running by an earlier command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Its bootstrap address, `host:port`.
    pub address: String,
    /// Its process or container.
    pub handle: Handle,
    /// Its data and log; removed when it is stopped.
    pub directory: PathBuf,
}

/// The process or container of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Handle {
    /// A Java process.
    Java {
        /// Its process id.
        pid: u32,
        /// Distinguishes the process from a later one with the same id; see `/proc/<pid>/stat`.
        identity: u64,
    },
    /// A Docker container.
    Docker {
        /// Its name.
        container: String,
    },
}

impl State {
    /// Reads the state file. Deletes it if it is invalid or its broker no longer runs.
    ///
    /// # Errors
    /// The file cannot be read or removed.
    pub fn load(workspace: &Workspace) -> Result<Option<Self>> {
        let path = Self::path(workspace);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("failed to read {}", path.display())),
        };
        match serde_json::from_str::<Self>(&text) {
            Ok(state) if state.handle.is_alive() => Ok(Some(state)),
            _ => {
                fs::remove_file(&path).with_context(|| format!("failed to remove the stale {}", path.display()))?;
                Ok(None)
            }
        }
    }

    /// Writes the state file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, workspace: &Workspace) -> Result<()> {
        let path = Self::path(workspace);
        let text = serde_json::to_string_pretty(self)?;
        // The rename is atomic, so that readers never see a partial file.
        let draft = path.with_extension("draft");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .with_context(|| format!("failed to write {}", path.display()))
    }

    /// Stops the broker, removes its data and the state file.
    ///
    /// # Errors
    /// It cannot be stopped or something cannot be removed.
    pub fn stop(&self, workspace: &Workspace) -> Result<()> {
        self.handle.stop()?;
        remove_dir(&self.directory)?;
        let path = Self::path(workspace);
        fs::remove_file(&path).with_context(|| format!("failed to remove {}", path.display()))
    }

    /// The id of its process, if it is known.
    pub fn pid(&self) -> Option<u32> {
        match &self.handle {
            Handle::Java { pid, .. } => Some(*pid),
            Handle::Docker { .. } => None,
        }
    }

    /// The data directory, if it is on this machine.
    pub fn data_dir(&self) -> Option<PathBuf> {
        matches!(self.handle, Handle::Java { .. }).then(|| self.directory.join(DATA))
    }

    /// Path of the state file.
    pub fn path(workspace: &Workspace) -> PathBuf {
        workspace.target().join("kafka").join("broker.json")
    }
}

impl Handle {
    /// Returns true while the broker runs.
    pub fn is_alive(&self) -> bool {
        match self {
            Self::Java { pid, identity } => liveness::identity(*pid) == Some(*identity),
            Self::Docker { container } => is_container_running(container),
        }
    }

    fn stop(&self) -> Result<()> {
        match self {
            Self::Java { pid, .. } => self.stop_process(*pid),
            Self::Docker { container } => {
                group::remove_container(container);
                Ok(())
            }
        }
    }

    fn stop_process(&self, pid: u32) -> Result<()> {
        group::request_exit(pid);
        if self.wait_for_end().is_err() && self.is_alive() {
            group::signal_group(pid, Signal::SIGKILL)?;
            self.wait_for_end()?;
        }
        Ok(())
    }

    fn wait_for_end(&self) -> Result<()> {
        wait_for("the broker's end", group::GRACE, || {
            Ok(if self.is_alive() { Poll::Pending("it runs".into()) } else { Poll::Ready(()) })
        })
    }
}

impl std::fmt::Display for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Java { pid, .. } => write!(f, "Java, pid {pid}"),
            Self::Docker { container } => write!(f, "Docker, container {container}"),
        }
    }
}

/// The broker left running, if it is alive and responds.
///
/// # Errors
/// It is alive but does not respond, or its state file cannot be read.
pub fn status(workspace: &Workspace) -> Result<Option<State>> {
    let Some(state) = State::load(workspace)? else { return Ok(None) };
    probe::check(&state.address).with_context(|| {
        format!("the broker left running ({}) does not answer; stop it with `cargo saga broker stop`", state.handle)
    })?;
    Ok(Some(state))
}

fn is_container_running(container: &str) -> bool {
    let mut command = Command::new("docker");
    command.args(["inspect", "--format", "{{.State.Running}}", container]);
    tool::stdout_of("docker inspect", command, DOCKER).is_ok_and(|answer| answer.trim() == "true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::workspace;

    fn state(pid: u32, identity: u64) -> State {
        State {
            address: "127.0.0.1:29092".into(),
            handle: Handle::Java { pid, identity },
            directory: "/nowhere".into(),
        }
    }

    /// A workspace whose target directory is this test's own.
    fn own_workspace() -> Workspace {
        let target = Workspace::find().and_then(|workspace| workspace.run_dir("test-state")).expect("a directory");
        fs::create_dir_all(target.join("kafka")).expect("created");
        Workspace::at(PathBuf::new(), target)
    }

    fn own_identity() -> u64 {
        liveness::identity(std::process::id()).expect("this process lives")
    }

    #[test]
    fn running_broker_is_found_by_its_state_file() {
        let workspace = own_workspace();
        let saved = state(std::process::id(), own_identity());
        saved.save(&workspace).expect("saved");
        assert_eq!(State::load(&workspace).expect("loaded"), Some(saved));
        workspace::remove_dir(workspace.target()).expect("removed");
    }

    #[test]
    fn state_file_of_an_ended_process_is_removed() {
        let workspace = own_workspace();
        state(4_194_399, 1).save(&workspace).expect("saved");
        assert_eq!(State::load(&workspace).expect("loaded"), None);
        assert!(!State::path(&workspace).exists());
        workspace::remove_dir(workspace.target()).expect("removed");
    }

    #[test]
    fn process_that_reuses_the_id_is_not_the_broker() {
        let workspace = own_workspace();
        state(std::process::id(), own_identity() + 1).save(&workspace).expect("saved");
        assert_eq!(State::load(&workspace).expect("loaded"), None);
        workspace::remove_dir(workspace.target()).expect("removed");
    }

    #[test]
    fn invalid_state_file_is_removed() {
        let workspace = own_workspace();
        fs::write(State::path(&workspace), "{").expect("written");
        assert_eq!(State::load(&workspace).expect("loaded"), None);
        workspace::remove_dir(workspace.target()).expect("removed");
    }
}
