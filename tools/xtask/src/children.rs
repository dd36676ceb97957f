//! Every process this program starts, so that none outlives it.
//!
//! - Each child leads a process group of its own, so a Ctrl-C in the terminal reaches only this program, which then stops its
//!   children in order: tools, services, brokers.
//! - SIGINT, SIGTERM and SIGHUP are handled from the first child on: stop all, then exit with 128 + the signal's number.
//! - A *keeper*, a small shell at the other end of a pipe, stops what is left when this program ends in any other way, even by
//!   SIGKILL, or by a test runner that never drops its statics.

use std::process::{self, Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::keeper::Keeper;
use crate::wait::{Poll, wait_for};

/// How long a child may take to end by itself after SIGTERM.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// How long the removal of a Compose project may take.
const PROJECT_GRACE: Duration = Duration::from_mins(1);

/// What a child is for; in this order they are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A build, an installation: of no use any more.
    Tool,
    /// Stops while its broker still runs.
    Service,
    /// Stops last.
    Broker,
}

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

struct Registry {
    /// What runs now, in the order of starting.
    running: Vec<(Role, Target)>,
    keeper: Option<Keeper>,
    /// A signal has come: nothing may be started any more.
    stopping: bool,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { running: Vec::new(), keeper: None, stopping: false });

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a child in a process group of its own, without standard input, and remembers it until [`forget`].
///
/// # Errors
/// When it can't be started, or this program is stopping.
pub(crate) fn spawn(role: Role, command: &mut Command) -> Result<Child> {
    // The lock is held while starting, so that no child slips past a signal.
    let mut registry = registry();
    registry.watch()?;
    let program = command.get_program().to_string_lossy().into_owned();
    let child = own_group(command).stdin(Stdio::null()).spawn().with_context(|| format!("cannot run {program}"))?;
    registry.add(role, Target::Group(child.id()));
    Ok(child)
}

/// Remembers a container that is about to be started.
///
/// # Errors
/// When this program is stopping.
pub(crate) fn remember(role: Role, target: Target) -> Result<()> {
    let mut registry = registry();
    registry.watch()?;
    registry.add(role, target);
    Ok(())
}

/// Forgets what has ended, or shall outlive this program.
pub(crate) fn forget(target: &Target) {
    let mut registry = registry();
    registry.running.retain(|(_, known)| known != target);
    if let Some(keeper) = &mut registry.keeper {
        keeper.forget(target);
    }
}

/// Never returns when a signal has come: its handler is stopping everything and ends the process then. To be called
/// before `main` returns, so that the exit code is the signal's.
pub fn leave_the_end_to_a_signal() {
    while registry().stopping {
        thread::park_timeout(GRACE);
    }
}

impl Registry {
    /// Begins to watch for signals and for the end of this process, once.
    fn watch(&mut self) -> Result<()> {
        if self.stopping {
            bail!("stopping");
        }
        if self.keeper.is_none() {
            self.keeper = Some(Keeper::start()?);
            let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot handle signals")?;
            thread::Builder::new().name("signals".into()).spawn(move || stop_on_signal(signals))?;
        }
        Ok(())
    }

    fn add(&mut self, role: Role, target: Target) {
        if let Some(keeper) = &mut self.keeper {
            keeper.remember(&target);
        }
        self.running.push((role, target));
    }
}

pub(crate) fn own_group(command: &mut Command) -> &mut Command {
    std::os::unix::process::CommandExt::process_group(command, 0)
}

fn stop_on_signal(mut signals: Signals) {
    let Some(signal) = signals.forever().next() else { return };
    let running = {
        let mut registry = registry();
        registry.stopping = true;
        registry.running.clone()
    };
    if !running.is_empty() {
        eprintln!("\nstopping what was started");
    }
    stop_all(&running);
    process::exit(128 + signal);
}

fn stop_all(running: &[(Role, Target)]) {
    for role in [Role::Tool, Role::Service, Role::Broker] {
        let targets: Vec<&Target> =
            running.iter().filter(|(known, _)| *known == role).map(|(_, target)| target).collect();
        stop_together(&targets);
    }
}

/// Asks all to end, waits for them, and kills those that don't.
fn stop_together(targets: &[&Target]) {
    for target in targets {
        match target {
            Target::Group(leader) => ask_to_end(*leader),
            Target::Container(name) => remove_container(name),
            Target::Project(name) => remove_project(name),
        }
    }
    for target in targets {
        if let Target::Group(leader) = target
            && wait_for("the end of a child", GRACE, || Ok(has_ended(*leader))).is_err()
        {
            signal_group(*leader, Signal::SIGKILL).ok();
        }
    }
}

/// SIGTERM, and SIGCONT in case it was paused.
pub(crate) fn ask_to_end(leader: u32) {
    signal_group(leader, Signal::SIGTERM).ok();
    signal_group(leader, Signal::SIGCONT).ok();
}

/// Sends a signal to a process group.
///
/// # Errors
/// When there is no such group.
pub(crate) fn signal_group(leader: u32, signal: Signal) -> Result<()> {
    killpg(pid(leader)?, signal).with_context(|| format!("cannot send {signal} to process {leader}"))
}

fn pid(id: u32) -> Result<Pid> {
    Ok(Pid::from_raw(i32::try_from(id).context("a process id out of range")?))
}

fn has_ended(leader: u32) -> Poll<()> {
    let Ok(pid) = pid(leader) else { return Poll::Ready(()) };
    match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => Poll::Pending("it runs".into()),
        _ => Poll::Ready(()),
    }
}

/// Removes a container with what is in it, running or not.
pub(crate) fn remove_container(name: &str) {
    docker(&["rm", "--force", "--volumes", name], GRACE);
}

/// Removes what a Compose project left, running or not: containers, networks, volumes, and images built for it.
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
