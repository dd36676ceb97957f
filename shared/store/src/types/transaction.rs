//! Inputs, writes and results of a transaction.

use std::collections::{HashMap, HashSet};

use cloudevent::EventId;
use decider::StreamId;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    event::{LogRange, StoredEvent},
    record::{DeadLetter, NewParked, Rescheduled},
    stream::{Head, Snapshot, StoredStream},
};
use crate::{ReadPosition, StoreError};

/// Data that a transaction receives.
#[derive(Debug, Default)]
pub struct Loaded {
    /// First step: the messages in the inbox of an older version, which are processed.
    pub old_inbox: HashSet<Uuid>,
    /// First step: the messages with an open dead letter.
    pub dead_letters: HashSet<Uuid>,
    /// First step: the ordering keys that have parked records.
    pub blocked_keys: HashSet<String>,
    /// Later steps: the requested streams, in the requested order.
    pub streams: Vec<(StreamId, StoredStream)>,
}

/// All writes of a transaction.
#[derive(Debug, Default)]
pub struct Writes {
    pub streams: Vec<StreamWrite>,
    /// Provider calls to make.
    pub intents: Vec<NewIntent>,
    /// Positions of answered calls.
    pub answered: Vec<i64>,
    /// The position up to which Kafka has all public events, if it has changed.
    pub cursor: Option<i64>,
    pub dead_letters: Vec<DeadLetter>,
    /// Ids of dead letters that were redriven or discarded.
    pub redriven: Vec<Uuid>,
    /// Streams to publish again.
    pub replays: Vec<Replay>,
    /// Records to park.
    pub parked: Vec<NewParked>,
    /// Parked records that failed again.
    pub rescheduled: Vec<Rescheduled>,
    /// Positions of parked records that are finished.
    pub resolved: Vec<i64>,
    /// Positions of a reader, one for each partition, after the records that this transaction processes.
    pub read_positions: Vec<ReadPosition>,
}

/// The numbers of the events that request the calls, counted from 1 in the order in which the events are appended.
pub(crate) fn event_numbers(streams: &[StreamWrite], intents: &[NewIntent]) -> Vec<i64> {
    if intents.is_empty() {
        return Vec::new();
    }
    let events = streams.iter().flat_map(|write| &write.events).map(|event| event.id);
    let numbers: HashMap<_, _> = events.zip(1..).collect();
    intents.iter().map(|intent| numbers[&intent.event_id]).collect()
}

/// The calls with the positions of the events that request them, in the order of these positions.
pub(crate) fn positioned(range: Option<LogRange>, numbers: &[i64], intents: Vec<NewIntent>) -> Vec<OpenIntent> {
    let Some(range) = range else { return Vec::new() };
    let open =
        numbers.iter().zip(intents).map(|(number, intent)| OpenIntent { position: range.after + number, intent });
    let mut open: Vec<_> = open.collect();
    open.sort_unstable_by_key(|open| open.position);
    open
}

/// Changes of one stream.
#[derive(Debug)]
pub struct StreamWrite {
    pub stream: StreamId,
    /// True if the stream does not exist yet.
    pub is_new: bool,
    /// The version before this write.
    pub expected_version: u64,
    pub events: Vec<StoredEvent>,
    /// The head after this write. Trace and correlation id are written with the first event only.
    pub head: Head,
    /// The status after this write, in one word.
    pub status: &'static str,
    /// The time of the stream's next timer.
    pub due: Option<Timestamp>,
    /// Set if the status or the timer may differ from the last write. Otherwise neither is written.
    pub metadata_changed: bool,
    /// The state after this write, if a snapshot is due.
    pub snapshot: Option<Snapshot>,
}

impl StreamWrite {
    /// The version after this write.
    pub(crate) fn version(&self) -> u64 {
        self.expected_version + self.events.len() as u64
    }

    /// The correlation id of the stream's row. A stream without events has none.
    pub(crate) fn correlation(&self) -> Uuid {
        self.head.correlation_id.unwrap_or_default().0
    }

    /// The error for a stream at another version than expected.
    pub(crate) fn conflict(&self) -> StoreError {
        StoreError::Conflict { stream: self.stream.clone(), expected: self.expected_version }
    }
}

/// A provider call to make.
#[derive(Debug, Clone)]
pub struct NewIntent {
    /// The event that requests the call, written by the same transaction. An event requests at most one.
    pub event_id: EventId,
    /// The call as JSON.
    pub body: String,
}

/// A provider call without an answer.
#[derive(Debug, Clone)]
pub struct OpenIntent {
    /// The position of the requesting event in the log.
    pub position: i64,
    pub intent: NewIntent,
}

/// A stream whose public events are to be published again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    pub stream: StreamId,
    /// The wave that the events belong to.
    pub wave: Uuid,
}

/// A replay that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReplay {
    /// The position among all replays, never reused.
    pub position: i64,
    pub replay: Replay,
}

/// A page of open calls.
#[derive(Debug, Default)]
pub struct IntentPage {
    /// In the order of their positions.
    pub intents: Vec<OpenIntent>,
    /// The position up to which the page is complete.
    pub through: i64,
    /// True if there may be more calls already.
    pub has_more: bool,
}

/// Result of a committed transaction.
#[derive(Debug, Default)]
pub struct Committed {
    /// `None` if no event was appended.
    pub range: Option<LogRange>,
    /// The streams as written. Their events have the positions of `range`, one after the other.
    pub streams: Vec<StreamWrite>,
    pub intents: Vec<OpenIntent>,
}

impl Committed {
    /// The appended events with their streams and positions.
    pub fn events(self) -> impl Iterator<Item = (i64, StreamId, StoredEvent)> {
        let first = self.range.map_or(0, |range| range.after + 1);
        let events = self.streams.into_iter().flat_map(|StreamWrite { stream, events, .. }| {
            events.into_iter().map(move |event| (stream.clone(), event))
        });
        (first..).zip(events).map(|(position, (stream, event))| (position, stream, event))
    }
}
