//! One stream during a batch: its state, and the events appended to it.

use cloudevent::CorrelationId;
use decider::{LogError, Service, StreamId};
use jiff::Timestamp;
use store::{NewEvent, Snapshot, StoredStream, StreamWrite};
use telemetry::Trace;

use crate::process::snapshot::{self, RebuildError};

/// Events between two snapshots. Loading a stream reads at most this many events.
pub(super) const SNAPSHOT_INTERVAL: u64 = 100;

/// A stream as it was loaded, and as the batch has changed it since.
pub(super) struct Stream<S: Service> {
    pub(super) state: S::State,
    /// Time of the last event.
    pub(super) time: Timestamp,
    pub(super) stored_version: u64,
    snapshot_version: u64,
    pub(super) correlation_id: Option<CorrelationId>,
    pub(super) trace: Trace,
    /// Status and next timer as last written.
    written_metadata: Option<(&'static str, Option<Timestamp>)>,
    pub(super) appended: Vec<NewEvent>,
}

impl<S: Service> Stream<S> {
    pub(super) fn is_changed(&self) -> bool {
        !self.appended.is_empty()
    }

    pub(super) fn read(stored: &StoredStream) -> Result<Self, RebuildError> {
        Ok(Self {
            time: last_time(stored).unwrap_or(Timestamp::MIN),
            stored_version: stored.version,
            snapshot_version: stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.version),
            correlation_id: stored.correlation_id,
            trace: Trace::from_text(&stored.trace),
            state: snapshot::rebuild::<S>(stored)?,
            written_metadata: None,
            appended: Vec::new(),
        })
    }

    /// Applies events that were stored since this stream was cached.
    pub(super) fn apply_newer(mut self: Box<Self>, stored: &StoredStream) -> Result<Box<Self>, LogError> {
        self.state = snapshot::fold::<S>(std::mem::take(&mut self.state), &stored.events)?;
        self.stored_version = stored.version;
        if let Some(time) = last_time(stored) {
            (self.time, self.written_metadata) = (time, None);
        }
        Ok(self)
    }

    /// The changes to store. Marks them as stored; if storing fails, the stream is dropped.
    pub(super) fn write(&mut self, id: &StreamId) -> StreamWrite {
        let events = std::mem::take(&mut self.appended);
        let expected_version = self.stored_version;
        let version = expected_version + events.len() as u64;
        self.stored_version = version;
        let metadata @ (status, due) = (S::status(&self.state), S::next_timer(&self.state));
        StreamWrite {
            stream: id.clone(),
            expected_version,
            events,
            trace: self.trace.to_string(),
            status,
            due,
            metadata_changed: self.written_metadata.replace(metadata) != Some(metadata),
            snapshot: self.snapshot_at(version),
        }
    }

    /// A snapshot, if one is due at this version.
    fn snapshot_at(&mut self, version: u64) -> Option<Snapshot> {
        if version - self.snapshot_version < SNAPSHOT_INTERVAL {
            return None;
        }
        self.snapshot_version = version;
        Some(Snapshot { version, time: self.time, state: snapshot::encode::<S>(&self.state) })
    }
}

impl<S: Service> Default for Stream<S> {
    fn default() -> Self {
        Self {
            state: S::initial(),
            time: Timestamp::MIN,
            stored_version: 0,
            snapshot_version: 0,
            correlation_id: None,
            trace: Trace::default(),
            written_metadata: None,
            appended: Vec::new(),
        }
    }
}

fn last_time(stored: &StoredStream) -> Option<Timestamp> {
    let snapshot = stored.snapshot.as_ref().map(|snapshot| snapshot.time);
    stored.events.last().map(|event| event.time).or(snapshot)
}
