//! The broker that outlives the command that started it: `broker start`, `status`, `stop`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use super::state::State;
use super::{Broker, probe};
use crate::progress::Progress;
use crate::workspace::{Workspace, remove_dir};

/// Longer than a start takes: the second of two at the same time waits and finds the first one's broker.
const LOCK: Duration = Duration::from_mins(15);

/// Starts a broker that goes on running, or finds the one that runs already.
///
/// # Errors
/// When it can't be started or remembered.
pub fn start(workspace: &Workspace, progress: Progress) -> Result<State> {
    let _lock = workspace.lock("kafka-broker", LOCK)?;
    if let Some(state) = status(workspace)? {
        return Ok(state);
    }
    let directory = workspace.target().join("kafka/persistent");
    remove_dir(&directory)?;
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let mut broker = Broker::own_in(workspace, &directory, progress)?;
    let handle = broker.engine()?.detach();
    let state = State { address: broker.address.clone(), handle, directory };
    if let Err(error) = state.save(workspace) {
        state.stop(workspace).ok();
        return Err(error);
    }
    Ok(state)
}

/// The broker left running, if it lives and answers.
///
/// # Errors
/// When it lives but doesn't answer, or its state file can't be read.
pub fn status(workspace: &Workspace) -> Result<Option<State>> {
    let Some(state) = State::load(workspace)? else { return Ok(None) };
    probe::ask(&state.address).with_context(|| {
        format!("the broker left running ({}) does not answer; stop it with `cargo saga broker stop`", state.handle)
    })?;
    Ok(Some(state))
}

/// Stops the broker left running and removes its data; returns what it was, `None` if there was none.
///
/// # Errors
/// When it can't be stopped.
pub fn stop(workspace: &Workspace) -> Result<Option<State>> {
    let _lock = workspace.lock("kafka-broker", LOCK)?;
    let Some(state) = State::load(workspace)? else { return Ok(None) };
    state.stop(workspace)?;
    Ok(Some(state))
}
