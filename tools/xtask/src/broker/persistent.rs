//! The broker that outlives the command that started it: `broker start`, `status`, `stop`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use super::server::Broker;
use super::state::{State, status};
use crate::build::workspace::{Workspace, remove_dir};
use crate::progress::Progress;

/// Longer than a start. If two commands start a broker at the same time, the second waits and uses the first one's
/// broker.
const LOCK: Duration = Duration::from_mins(15);

/// Starts a broker that keeps running, or finds the running one.
///
/// # Errors
/// It cannot be started or remembered.
pub fn start(workspace: &Workspace, progress: Progress) -> Result<State> {
    let _lock = workspace.lock("kafka-broker", LOCK)?;
    if let Some(state) = status(workspace)? {
        return Ok(state);
    }
    let directory = workspace.target().join("kafka/persistent");
    remove_dir(&directory)?;
    fs::create_dir_all(&directory).with_context(|| format!("failed to create {}", directory.display()))?;
    let mut broker = Broker::start_in(workspace, &directory, progress)?;
    let handle = broker.engine()?.detach();
    let state = State { address: broker.bootstrap_servers().to_owned(), handle, directory };
    if let Err(error) = state.save(workspace) {
        state.stop(workspace).ok();
        return Err(error);
    }
    Ok(state)
}

/// Stops the broker left running and removes its data; returns its state, or `None` if there was none.
///
/// # Errors
/// It cannot be stopped.
pub fn stop(workspace: &Workspace) -> Result<Option<State>> {
    let _lock = workspace.lock("kafka-broker", LOCK)?;
    let Some(state) = State::load(workspace)? else { return Ok(None) };
    state.stop(workspace)?;
    Ok(Some(state))
}
