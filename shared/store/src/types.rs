//! What goes into a store and comes out of it.

use std::collections::HashSet;

use bytes::Bytes;
use contracts::{CorrelationId, EventId, OrderId};
use decider::StreamId;
use jiff::Timestamp;

use crate::{ProcessedMessages, StoreError};

/// A point in the life of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// Everything.
    Latest,
    /// The event of this version is the last one; versions count from 1.
    Version(u64),
    /// Events of this time and before.
    Time(Timestamp),
}

/// An event to be appended.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Its id, unique for ever.
    pub id: EventId,
    /// Its type's name.
    pub name: &'static str,
    /// The version of its data.
    pub schema: &'static str,
    /// JSON.
    pub data: String,
    /// When it happened; whole microseconds.
    pub time: Timestamp,
    /// Shared by all that the same request caused.
    pub correlation_id: CorrelationId,
    /// The contract event that led to it, if one did.
    pub causation_id: Option<EventId>,
}

/// An event in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the stream, from 1.
    pub version: u64,
    /// Its id.
    pub id: EventId,
    /// Its type's name.
    pub name: String,
    /// The version of its data.
    pub schema: String,
    /// JSON.
    pub data: String,
    /// When it happened.
    pub time: Timestamp,
    /// Shared by all that the same request caused.
    pub correlation_id: CorrelationId,
    /// The contract event that led to it, if one did.
    pub causation_id: Option<EventId>,
}

/// A stream's state at a version, so that loading needn't begin at the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event that is in it.
    pub version: u64,
    /// When that happened.
    pub time: Timestamp,
    /// JSON.
    pub state: String,
}

/// A stream to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRequest {
    /// The stream.
    pub stream: StreamId,
    /// The version at which this store last gave or committed it; 0: nothing is known. What is known need not be read
    /// again, for an event never changes, and what only this store writes need not even be looked for.
    pub known: u64,
}

/// A stream, as a snapshot and the events since. A stream that does not exist has version 0. What who knows the stream
/// already has of its beginning need not be told again: its correlation id, its trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredStream {
    /// The last event's version.
    pub version: u64,
    /// The correlation id of the stream's first event; `None` when there is none.
    pub correlation_id: Option<CorrelationId>,
    /// The trace that the stream began in, as its first write had it; empty when there is none.
    pub trace: String,
    /// Where to begin; `None`: at the beginning.
    pub snapshot: Option<Snapshot>,
    /// What happened since, oldest first.
    pub events: Vec<StoredEvent>,
}

/// What a transaction asked for.
#[derive(Debug, Default)]
pub struct Loaded {
    /// At the first step: the messages that were handled before.
    pub seen: ProcessedMessages,
    /// At the first step: the orders that have parked records.
    pub held: HashSet<OrderId>,
    /// At later steps: the streams asked for, in that order.
    pub streams: Vec<(StreamId, StoredStream)>,
}

/// Everything that a transaction writes.
#[derive(Debug, Default)]
pub struct Writes {
    /// Streams with what is appended to each.
    pub streams: Vec<StreamWrite>,
    /// Records to publish, in order.
    pub outbox: Vec<NewOutboxRow>,
    /// Calls to make.
    pub intents: Vec<NewIntent>,
    /// Calls that were answered, by the event that asked for them.
    pub answered: Vec<EventId>,
    /// Outbox rows that were published, by position.
    pub published: Vec<i64>,
    /// Records to park.
    pub parked: Vec<NewParked>,
    /// Parked records that failed once more.
    pub rescheduled: Vec<Rescheduled>,
    /// Parked records that are done, by position.
    pub resolved: Vec<i64>,
}

/// What changes in a stream.
#[derive(Debug)]
pub struct StreamWrite {
    /// The stream.
    pub stream: StreamId,
    /// Its version before.
    pub expected_version: u64,
    /// What is appended.
    pub events: Vec<NewEvent>,
    /// The trace that a stream which does not exist yet begins in.
    pub trace: String,
    /// One word for its state now.
    pub status: &'static str,
    /// When it wants to be woken.
    pub due: Option<Timestamp>,
    /// Whether one of these two may differ from what the last write said. If not, they need not be written.
    pub is_marked_anew: bool,
    /// Its state now, when it is time to keep it.
    pub snapshot: Option<Snapshot>,
}

impl StreamWrite {
    /// The stream's version after this.
    pub(crate) fn version(&self) -> u64 {
        self.expected_version + self.events.len() as u64
    }

    /// That the stream is at another version than this expected.
    pub(crate) fn conflict(&self) -> StoreError {
        StoreError::Conflict { stream: self.stream.clone(), expected: self.expected_version }
    }
}

/// A record to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutboxRow {
    /// The topic's own name.
    pub topic: String,
    /// The record's key; none for a dead letter that had none.
    pub key: Option<Bytes>,
    /// The record's headers, in order.
    pub headers: Vec<(String, Bytes)>,
    /// The record's value.
    pub payload: Bytes,
}

/// A record that waits to be published.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// Its place in the outbox; never used twice.
    pub position: i64,
    /// The record.
    pub record: NewOutboxRow,
}

/// A record as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// The record; its topic is the one it came from.
    pub record: NewOutboxRow,
    /// Its partition there.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// When its producer made it, in milliseconds since 1970, if it said so.
    pub timestamp_ms: Option<i64>,
}

/// A record that can't be handled now and is tried again later. Later records of its order wait behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParked {
    /// The order.
    pub order_id: OrderId,
    /// The record. That of one place is parked once.
    pub arrived: RawRecord,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed the last time.
    pub error: String,
    /// When to try again.
    pub due: Timestamp,
}

/// A record that is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Its place among all parked records; never used twice.
    pub position: i64,
    /// The record.
    pub parked: NewParked,
}

/// A parked record that failed once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescheduled {
    /// Which one.
    pub position: i64,
    /// How often it was tried by now.
    pub attempts: u32,
    /// Why it failed.
    pub error: String,
    /// When to try again.
    pub due: Timestamp,
}

/// What a part of a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgedPage {
    /// How many were forgotten.
    pub forgotten: u64,
    /// The last one that was looked at; `None`: the sweep is through.
    pub last: Option<uuid::Uuid>,
}

/// A call to make.
#[derive(Debug, Clone)]
pub struct NewIntent {
    /// The event that asks for it.
    pub event_id: EventId,
    /// JSON.
    pub body: String,
}

/// A call that was not answered yet.
#[derive(Debug, Clone)]
pub struct OpenIntent {
    /// Its place among all calls; never used twice.
    pub position: i64,
    /// The call.
    pub intent: NewIntent,
}

/// What a commit gave out.
#[derive(Debug, Default)]
pub struct Committed {
    /// The outbox rows as they were stored.
    pub outbox: Vec<OutboxRow>,
    /// The intents as they were stored.
    pub intents: Vec<OpenIntent>,
}

/// Which streams to list.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The category.
    pub category: &'static str,
    /// Only those with this status.
    pub status: Option<String>,
    /// Only those older than this; from [`Page::next`].
    pub before: Option<i64>,
    /// How many at most.
    pub limit: usize,
}

/// A stream in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHead {
    /// The stream.
    pub stream: StreamId,
    /// Its last event's version.
    pub version: u64,
    /// One word for its state.
    pub status: String,
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The streams, newest first.
    pub heads: Vec<StreamHead>,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<i64>,
}
