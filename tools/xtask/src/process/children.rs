//! Every process this program starts, so that none outlives it.
//!
//! - Each child leads its own process group, so a Ctrl-C in the terminal reaches only this program, which then stops
//!   its children in order: tools, services, brokers.
//! - SIGINT, SIGTERM and SIGHUP are handled from the first child on: stop all, then exit with 128 + the signal's
//!   number.
//! - A *reaper*, a small shell at the other end of a pipe, stops the remaining children when this program ends in any
//!   other way, even by SIGKILL, or by a test runner that never drops its statics.

use std::process::{self, Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process::group::{
    GRACE, Target, has_ended, own_group, remove_container, remove_project, request_exit, signal_group,
};
use crate::process::reaper::Reaper;
use crate::process::wait::wait_for;

/// Purpose of a child. Children are stopped in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A build or an installation. Its result is useless once the command ends.
    Tool,
    /// Stops while its broker still runs.
    Service,
    /// Stops last.
    Broker,
}

struct Registry {
    /// Running children, in the order of their start.
    running: Vec<(Role, Target)>,
    reaper: Option<Reaper>,
    /// True after a signal, when no more children may be started.
    stopping: bool,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { running: Vec::new(), reaper: None, stopping: false });

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a child in its own process group, without standard input, and remembers it until [`forget`].
///
/// # Errors
/// It cannot be started, or this program is stopping.
pub(crate) fn spawn(role: Role, command: &mut Command) -> Result<Child> {
    // The lock is held while starting, so that no child slips past a signal.
    let mut registry = registry();
    registry.watch()?;
    let program = command.get_program().to_string_lossy().into_owned();
    let child = own_group(command).stdin(Stdio::null()).spawn().with_context(|| format!("failed to run {program}"))?;
    registry.add(role, Target::Group(child.id()));
    Ok(child)
}

/// Remembers a container that is about to be started.
///
/// # Errors
/// This program is stopping.
pub(crate) fn remember(role: Role, target: Target) -> Result<()> {
    let mut registry = registry();
    registry.watch()?;
    registry.add(role, target);
    Ok(())
}

/// Forgets a target that has ended or that is to outlive this program.
pub(crate) fn forget(target: &Target) {
    let mut registry = registry();
    registry.running.retain(|(_, known)| known != target);
    if let Some(reaper) = &mut registry.reaper {
        reaper.forget(target);
    }
}

/// Blocks forever if a signal was received, because its handler stops all children and then ends the process. `main`
/// calls this before it returns, so that the exit code is that of the signal.
pub fn await_signal_handler() {
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
        if self.reaper.is_none() {
            self.reaper = Some(Reaper::start()?);
            let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot handle signals")?;
            thread::Builder::new().name("signals".into()).spawn(move || stop_on_signal(signals))?;
        }
        Ok(())
    }

    fn add(&mut self, role: Role, target: Target) {
        if let Some(reaper) = &mut self.reaper {
            reaper.remember(&target);
        }
        self.running.push((role, target));
    }
}

fn stop_on_signal(mut signals: Signals) {
    let Some(signal) = signals.forever().next() else { return };
    let running = {
        let mut registry = registry();
        registry.stopping = true;
        registry.running.clone()
    };
    if !running.is_empty() {
        eprintln!("\nstopping all children");
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

/// Asks all to end, waits for them, and kills those that do not.
fn stop_together(targets: &[&Target]) {
    for target in targets {
        match target {
            Target::Group(leader) => request_exit(*leader),
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
