//! One stream during a batch: its state, and the events appended to it.

use cloudevent::CorrelationId;
use decider::{LogError, Service, StreamId};
use jiff::Timestamp;
use store::{Head, Snapshot, StoredEvent, StoredStream, StreamWrite};
use telemetry::{Span, Trace};
use uuid::Uuid;

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
    /// False until the stream is stored for the first time.
    is_stored: bool,
    head: Head,
    /// The trace of the head.
    trace: Trace,
    is_head_changed: bool,
    /// Status and next timer as last written.
    written_metadata: Option<(&'static str, Option<Timestamp>)>,
    appended: Vec<StoredEvent>,
    /// One for each public event of `appended`.
    sends: Vec<Span>,
}

impl<S: Service> Stream<S> {
    pub(super) fn is_stored(&self) -> bool {
        self.is_stored
    }

    pub(super) fn is_changed(&self) -> bool {
        !self.appended.is_empty() || self.is_head_changed
    }

    pub(super) fn correlation_id(&self) -> Option<CorrelationId> {
        self.head.correlation_id
    }

    pub(super) fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(super) fn read(stored: &StoredStream) -> Result<Self, RebuildError> {
        let head = stored.head.clone().unwrap_or_default();
        Ok(Self {
            time: last_time(stored).unwrap_or(Timestamp::MIN),
            stored_version: stored.version,
            snapshot_version: stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.version),
            is_stored: stored.head.is_some(),
            trace: Trace::from_text(&head.trace),
            state: snapshot::rebuild::<S>(stored)?,
            head,
            is_head_changed: false,
            written_metadata: None,
            appended: Vec::new(),
            sends: Vec::new(),
        })
    }

    /// Applies events that were stored since this stream was cached.
    pub(super) fn apply_newer(mut self: Box<Self>, stored: &StoredStream) -> Result<Box<Self>, LogError> {
        self.state = snapshot::fold::<S>(std::mem::take(&mut self.state), &stored.events)?;
        self.stored_version = stored.version;
        if let Some(head) = &stored.head {
            self.head = head.clone();
            self.trace = Trace::from_text(&head.trace);
        }
        if let Some(time) = last_time(stored) {
            (self.time, self.written_metadata) = (time, None);
        }
        Ok(self)
    }

    /// Returns whether the stream has processed a message.
    pub(super) fn has_processed(&self, message: Uuid) -> bool {
        self.head.processed.contains(message)
    }

    /// Remembers a processed message.
    pub(super) fn mark_processed(&mut self, message: Uuid) {
        self.head.processed.push(message);
        self.is_head_changed = true;
    }

    /// Joins a wave unless the stream has joined it or a later one, or has no public event. Returns whether it joined. Waves
    /// are ordered, so that several of them end, too.
    pub(super) fn join_wave(&mut self, wave: Uuid) -> bool {
        let joins = self.head.published > 0 && self.head.wave < Some(wave);
        if joins {
            self.head.wave = Some(wave);
            self.is_head_changed = true;
        }
        joins
    }

    /// The version of the next event.
    pub(super) fn next_version(&self) -> u64 {
        self.stored_version + self.appended.len() as u64 + 1
    }

    /// The number of the next public event.
    pub(super) fn next_sequence(&self) -> u64 {
        self.head.published + 1
    }

    /// Appends an event. A public one has the span that ends when the event is published. The trace and the correlation id
    /// of the first event are those of the stream.
    pub(super) fn append(&mut self, event: StoredEvent, send: Option<Span>, trace: &Trace) {
        self.head.correlation_id.get_or_insert(event.correlation_id);
        if !self.trace.is_some() {
            self.trace = trace.clone();
            self.head.trace = trace.to_string();
        }
        if let Some(publication) = &event.publication {
            self.head.published = publication.sequence;
        }
        self.appended.push(event);
        self.sends.extend(send);
    }

    /// The changes to store, and the spans of the public events. Marks the changes as stored; if storing fails, the stream
    /// is dropped.
    pub(super) fn write(&mut self, id: &StreamId) -> (StreamWrite, Vec<Span>) {
        let events = std::mem::take(&mut self.appended);
        let (expected_version, is_new) = (self.stored_version, !self.is_stored);
        let version = expected_version + events.len() as u64;
        (self.stored_version, self.is_stored, self.is_head_changed) = (version, true, false);
        let metadata @ (status, due) = (S::status(&self.state), S::next_timer(&self.state));
        let write = StreamWrite {
            stream: id.clone(),
            is_new,
            expected_version,
            events,
            head: self.head.clone(),
            status,
            due,
            metadata_changed: self.written_metadata.replace(metadata) != Some(metadata),
            snapshot: self.snapshot_at(version),
        };
        (write, std::mem::take(&mut self.sends))
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
            is_stored: false,
            head: Head::default(),
            trace: Trace::default(),
            is_head_changed: false,
            written_metadata: None,
            appended: Vec::new(),
            sends: Vec::new(),
        }
    }
}

fn last_time(stored: &StoredStream) -> Option<Timestamp> {
    let snapshot = stored.snapshot.as_ref().map(|snapshot| snapshot.time);
    stored.events.last().map(|event| event.time).or(snapshot)
}
