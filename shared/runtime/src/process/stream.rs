//! One stream during a batch: its state, and the events appended to it.

use contracts::CorrelationId;
use decider::{LogError, Service, StreamId};
use jiff::Timestamp;
use store::{NewEvent, Snapshot, StoredEvent, StoredStream, StreamWrite};
use telemetry::Trace;

/// A stream's state is kept after this many events, so that loading it reads no more than these.
pub(super) const SNAPSHOT_INTERVAL: u64 = 100;

/// What is known of a stream.
pub(super) struct Stream<S: Service> {
    pub(super) state: S::State,
    /// When its last event happened.
    pub(super) time: Timestamp,
    pub(super) stored_version: u64,
    snapshot_version: u64,
    pub(super) correlation_id: Option<CorrelationId>,
    pub(super) trace: Trace,
    /// Its status and when it wants to be woken, as they were last written.
    marked: Option<(&'static str, Option<Timestamp>)>,
    pub(super) appended: Vec<NewEvent>,
}

impl<S: Service> Stream<S> {
    pub(super) fn is_changed(&self) -> bool {
        !self.appended.is_empty()
    }

    /// The version that is stored.
    pub(super) fn version(&self) -> u64 {
        self.stored_version
    }

    pub(super) fn read(stored: StoredStream) -> Result<Self, LogError> {
        let snapshot_version = stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let time = last_time(&stored).unwrap_or(Timestamp::MIN);
        let (stored_version, correlation_id) = (stored.version, stored.correlation_id);
        let trace = Trace::from_text(&stored.trace);
        let state = rebuild::<S>(stored)?;
        let (marked, appended) = (None, Vec::new());
        Ok(Self { state, time, stored_version, snapshot_version, correlation_id, trace, marked, appended })
    }

    pub(super) fn and_since(mut self: Box<Self>, stored: &StoredStream) -> Result<Box<Self>, LogError> {
        self.state = fold::<S>(std::mem::take(&mut self.state), &stored.events)?;
        self.stored_version = stored.version;
        if let Some(time) = last_time(stored) {
            (self.time, self.marked) = (time, None);
        }
        Ok(self)
    }

    /// What is to be stored. From then on it counts as stored; if it is not, the stream is not used again.
    pub(super) fn write(&mut self, id: &StreamId) -> StreamWrite {
        let events = std::mem::take(&mut self.appended);
        let expected_version = self.stored_version;
        let version = expected_version + events.len() as u64;
        self.stored_version = version;
        let is_time = version - self.snapshot_version >= SNAPSHOT_INTERVAL;
        if is_time {
            self.snapshot_version = version;
        }
        let state = || serde_json::to_string(&self.state).expect("a state has string keys only");
        let mark = (S::status(&self.state), S::next_timer(&self.state));
        let is_marked_anew = self.marked.replace(mark) != Some(mark);
        StreamWrite {
            stream: id.clone(),
            expected_version,
            events,
            trace: self.trace.to_string(),
            status: mark.0,
            due: mark.1,
            is_marked_anew,
            snapshot: is_time.then(|| Snapshot { version, time: self.time, state: state() }),
        }
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
            marked: None,
            appended: Vec::new(),
        }
    }
}

/// When the last of these events happened.
fn last_time(stored: &StoredStream) -> Option<Timestamp> {
    let snapshot = stored.snapshot.as_ref().map(|snapshot| snapshot.time);
    stored.events.last().map(|event| event.time).or(snapshot)
}

/// The state of a stream as it was stored: its snapshot and what happened since. A snapshot that an older build made and
/// this one can't read is an error: the log has the truth, but its beginning was not loaded.
pub(crate) fn rebuild<S: Service>(stored: StoredStream) -> Result<S::State, LogError> {
    let initial = match stored.snapshot {
        None => S::initial(),
        Some(snapshot) => serde_json::from_str(&snapshot.state)
            .map_err(|source| LogError::Internal { name: "snapshot".to_owned(), source })?,
    };
    fold::<S>(initial, &stored.events)
}

fn fold<S: Service>(mut state: S::State, events: &[StoredEvent]) -> Result<S::State, LogError> {
    for event in events {
        state = S::evolve(state, &S::Event::decode(&event.name, &event.schema, &event.data)?);
    }
    Ok(state)
}
