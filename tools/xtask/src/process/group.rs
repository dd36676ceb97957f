//! Process groups, containers and Compose projects, and the ways to stop them.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::process::wait::{Poll, wait_for};

/// Maximum time for a child to end after SIGTERM.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Maximum time for the removal of a Compose project.
const PROJECT_GRACE: Duration = Duration::from_mins(1);

/// Something to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A process group, by the id of its leader, a child of this process.
    Group(u32),
    /// A Docker container, by name.
    Container(String),
    /// A Docker Compose project, by name, with its volumes and the images built for it.
    Project(String),
}

/// Makes the command lead its own process group.
pub(crate) fn own_group(command: &mut Command) -> &mut Command {
    std::os::unix::process::CommandExt::process_group(command, 0)
}

/// SIGTERM, and SIGCONT in case it was paused.
pub(crate) fn request_exit(leader: u32) {
    signal_group(leader, Signal::SIGTERM).ok();
    signal_group(leader, Signal::SIGCONT).ok();
}

/// Sends a signal to a process group.
///
/// # Errors
/// There is no such group.
pub(crate) fn signal_group(leader: u32, signal: Signal) -> Result<()> {
    killpg(pid(leader)?, signal).with_context(|| format!("cannot send {signal} to process {leader}"))
}

fn pid(id: u32) -> Result<Pid> {
    Ok(Pid::from_raw(i32::try_from(id).context("a process id out of range")?))
}

/// Checks whether a child of this process has ended.
pub(crate) fn has_ended(leader: u32) -> Poll<()> {
    let Ok(pid) = pid(leader) else { return Poll::Ready(()) };
    match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => Poll::Pending("it runs".into()),
        _ => Poll::Ready(()),
    }
}

/// Removes a container and its volumes, running or not.
pub(crate) fn remove_container(name: &str) {
    docker(&["rm", "--force", "--volumes", name], GRACE);
}

/// Removes a Compose project, running or not: containers, networks, volumes, and images built for it.
pub(crate) fn remove_project(name: &str) {
    docker(
        &["compose", "--project-name", name, "down", "--volumes", "--rmi", "local", "--timeout", "1"],
        PROJECT_GRACE,
    );
}

fn docker(arguments: &[&str], within: Duration) {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = own_group(&mut command).spawn() else { return };
    let ended = wait_for("docker", within, || {
        Ok(child.try_wait()?.map_or_else(|| Poll::Pending("it runs".into()), Poll::Ready))
    });
    if ended.is_err() {
        child.kill().ok();
        child.wait().ok();
    }
}
