//! Inputs and outputs of the store.

use std::collections::HashSet;

use bytes::Bytes;
use cloudevent::{CorrelationId, EventId};
use decider::StreamId;
use jiff::Timestamp;

use crate::{ProcessedMessages, ReadPosition, StoreError};

/// A point in the history of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// After the last event.
    Latest,
    /// After the event of this version; versions count from 1.
    Version(u64),
    /// After all events up to and including this time.
    Time(Timestamp),
}

/// An event to append.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub id: EventId,
    /// The name of the event type.
    pub name: &'static str,
    /// The version of the data.
    pub schema: &'static str,
    /// The event as JSON.
    pub data: String,
    /// The time of the event, in whole microseconds.
    pub time: Timestamp,
    pub correlation_id: CorrelationId,
    /// The contract event that caused this one, if any.
    pub causation_id: Option<EventId>,
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The position in the stream, from 1.
    pub version: u64,
    pub id: EventId,
    /// The name of the event type.
    pub name: String,
    /// The version of the data.
    pub schema: String,
    /// The event as JSON.
    pub data: String,
    pub time: Timestamp,
    pub correlation_id: CorrelationId,
    /// The contract event that caused this one, if any.
    pub causation_id: Option<EventId>,
}

/// The state of a stream at a version, so that loading need not start with the first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event included.
    pub version: u64,
    /// The time of that event.
    pub time: Timestamp,
    /// The state as JSON.
    pub state: String,
}

/// A stream to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRequest {
    pub stream: StreamId,
    /// The version at which this store last returned or committed the stream; 0 if the caller has nothing. Known events
    /// are not read again, because events never change. Streams with a single writer need no re-check.
    pub known: u64,
    /// True to read all events instead of the latest snapshot and the events after it. Requires `known` to be 0.
    pub skip_snapshot: bool,
}

/// A stream as a snapshot and the events after it. A stream that does not exist has version 0. The correlation id and trace
/// may be omitted when the caller already holds the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredStream {
    /// The version of the last event.
    pub version: u64,
    /// The correlation id of the first event; `None` if there is none.
    pub correlation_id: Option<CorrelationId>,
    /// The trace in which the stream began, as first written; empty if there is none.
    pub trace: String,
    /// The snapshot to start from; `None` starts from the initial state.
    pub snapshot: Option<Snapshot>,
    /// Events after the snapshot, oldest first.
    pub events: Vec<StoredEvent>,
}

/// Data that a transaction receives.
#[derive(Debug, Default)]
pub struct Loaded {
    /// First step: the messages that were processed before.
    pub processed: ProcessedMessages,
    /// First step: the ordering keys that have parked records.
    pub blocked_keys: HashSet<String>,
    /// Later steps: the requested streams, in the requested order.
    pub streams: Vec<(StreamId, StoredStream)>,
}

/// All writes of a transaction.
#[derive(Debug, Default)]
pub struct Writes {
    pub streams: Vec<StreamWrite>,
    /// Records to publish, in order.
    pub outbox: Vec<NewOutboxRow>,
    /// Provider calls to make.
    pub intents: Vec<NewIntent>,
    /// Answered calls, identified by the events that requested them.
    pub answered: Vec<EventId>,
    /// Positions of published outbox rows.
    pub published: Vec<i64>,
    /// Records to park.
    pub parked: Vec<NewParked>,
    /// Parked records that failed again.
    pub rescheduled: Vec<Rescheduled>,
    /// Positions of parked records that are finished.
    pub resolved: Vec<i64>,
    /// Positions of a reader, one for each partition, after the records that this transaction processes.
    pub read_positions: Vec<ReadPosition>,
}

/// Changes of one stream.
#[derive(Debug)]
pub struct StreamWrite {
    pub stream: StreamId,
    /// The version before this write.
    pub expected_version: u64,
    pub events: Vec<NewEvent>,
    /// The trace in which a new stream begins.
    pub trace: String,
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

    /// The error for a stream at another version than expected.
    pub(crate) fn conflict(&self) -> StoreError {
        StoreError::Conflict { stream: self.stream.clone(), expected: self.expected_version }
    }
}

/// A record to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutboxRow {
    /// The topic's name without the deployment's prefix.
    pub topic: String,
    /// The record key; `None` for a dead letter whose original had none.
    pub key: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
    pub payload: Bytes,
}

/// A record that waits to be published.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// The position in the outbox, never reused.
    pub position: i64,
    pub record: NewOutboxRow,
}

/// A record as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// The record, with its original topic.
    pub record: NewOutboxRow,
    pub partition: i32,
    pub offset: i64,
    /// The producer's timestamp in milliseconds since 1970, if any.
    pub timestamp_ms: Option<i64>,
}

/// A record that cannot be processed now and is retried later. Later records of its ordering key wait behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParked {
    /// The key within which order is kept: the record key.
    pub ordering_key: String,
    /// The record. The record of one topic, partition and offset is parked once.
    pub raw: RawRecord,
    /// Number of attempts so far.
    pub attempts: u32,
    /// The last error.
    pub error: String,
    /// The time of the next attempt.
    pub due: Timestamp,
}

/// A parked record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The position among all parked records, never reused.
    pub position: i64,
    pub parked: NewParked,
}

/// A parked record that failed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescheduled {
    pub position: i64,
    /// Number of attempts so far.
    pub attempts: u32,
    /// The last error.
    pub error: String,
    /// The time of the next attempt.
    pub due: Timestamp,
}

/// Result of purging one page of the inbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgedPage {
    /// Number of deleted entries.
    pub purged: u64,
    /// The last entry examined; `None` after the last page.
    pub last: Option<uuid::Uuid>,
}

/// A provider call to make.
#[derive(Debug, Clone)]
pub struct NewIntent {
    /// The event that requests the call.
    pub event_id: EventId,
    /// The call as JSON.
    pub body: String,
}

/// A provider call without an answer.
#[derive(Debug, Clone)]
pub struct OpenIntent {
    /// The position among all calls, never reused.
    pub position: i64,
    pub intent: NewIntent,
}

/// Rows of a committed transaction with their positions.
#[derive(Debug, Default)]
pub struct Committed {
    pub outbox: Vec<OutboxRow>,
    pub intents: Vec<OpenIntent>,
}

/// Selection of streams to list.
#[derive(Debug, Clone)]
pub struct Listing {
    pub category: &'static str,
    /// Restricts the list to streams with this status.
    pub status: Option<String>,
    /// Restricts the list to streams older than this position, taken from [`Page::next`].
    pub before: Option<i64>,
    /// Maximum number of streams.
    pub limit: usize,
}

/// A stream in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHead {
    pub stream: StreamId,
    /// The version of the last event.
    pub version: u64,
    /// The status, in one word.
    pub status: String,
}

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Streams, newest first.
    pub heads: Vec<StreamHead>,
    /// Start of the next page; `None` on the last page.
    pub next: Option<i64>,
}
