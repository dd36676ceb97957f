//! Snapshots: states with the version of their serialization.

use decider::{LogError, Service, StreamId};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use store::{Snapshot, StoredEvent, StoredStream};
use tracing::warn;

#[derive(Serialize, Deserialize)]
struct VersionedState<State> {
    state_version: u32,
    state: State,
}

/// Failure to rebuild a state from a stored stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RebuildError {
    /// Another build wrote the snapshot, or it is damaged. The events before it were not loaded.
    #[error("unreadable snapshot")]
    Snapshot,
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The state as a snapshot stores it.
pub(crate) fn encode<S: Service>(state: &S::State) -> String {
    let versioned = VersionedState { state_version: S::STATE_VERSION, state };
    serde_json::to_string(&versioned).expect("states have string keys only")
}

/// The state of a snapshot. Returns `None` if the snapshot is damaged.
pub(crate) fn decode<S: Service>(snapshot: &Snapshot) -> Option<S::State> {
    let read = serde_json::from_str::<VersionedState<S::State>>(&snapshot.state).ok();
    read.filter(|read| read.state_version == S::STATE_VERSION).map(|read| read.state)
}

/// Returns true if a build with another version of the state wrote the snapshot.
pub(crate) fn is_of_another_version<S: Service>(snapshot: &Snapshot) -> bool {
    let read = serde_json::from_str::<VersionedState<IgnoredAny>>(&snapshot.state);
    // Before states had a version, snapshots were bare states.
    read.map_or_else(|error| error.is_data(), |read| read.state_version != S::STATE_VERSION)
}

/// The state of a stored stream: its snapshot and the events after it.
pub(crate) fn rebuild<S: Service>(stored: &StoredStream) -> Result<S::State, RebuildError> {
    let start = match &stored.snapshot {
        None => S::initial(),
        Some(snapshot) => decode::<S>(snapshot).ok_or(RebuildError::Snapshot)?,
    };
    Ok(fold::<S>(start, &stored.events)?)
}

pub(crate) fn fold<S: Service>(mut state: S::State, events: &[StoredEvent]) -> Result<S::State, LogError> {
    for event in events {
        state = S::evolve(state, &S::Event::decode(&event.name, &event.schema, &event.data)?);
    }
    Ok(state)
}

pub(crate) fn warn_of_unreadable(stream: &StreamId) {
    warn!(%stream, "ignored an unreadable snapshot, rebuilding from events");
}
