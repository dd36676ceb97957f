//! Events and the log.

use std::borrow::Cow;

use cloudevent::{CorrelationId, EventId};
use decider::StreamId;
use jiff::Timestamp;

/// A point in the history of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// After the last event.
    Latest,
    /// After the event of this version; versions count from 1.
    Version(u64),
    /// After all events up to and including this time.
    Time(Timestamp),
    /// After this event. A stream without it is empty.
    Event(EventId),
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The position in the stream, from 1.
    pub version: u64,
    pub id: EventId,
    /// The name of the event type.
    pub name: Cow<'static, str>,
    /// The version of the data.
    pub schema: Cow<'static, str>,
    /// The event as JSON.
    pub data: String,
    /// The time of the event, in whole microseconds.
    pub time: Timestamp,
    pub correlation_id: CorrelationId,
    /// The contract event that caused this one, if any.
    pub causation_id: Option<EventId>,
    /// `None` for an internal event.
    pub publication: Option<Publication>,
}

/// The part of a public event that only its Kafka record needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Number among the public events of the stream, from 1.
    pub sequence: u64,
    /// Length of the chain of events that caused this one.
    pub hops: u32,
    /// The trace that readers of the record continue; empty if there is none.
    pub trace: String,
}

/// A public event at its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The position among all events of the service. Positions only grow, with gaps.
    pub position: i64,
    pub stream: StreamId,
    pub event: StoredEvent,
}

/// Public events after some position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// In the order of their positions.
    pub entries: Vec<LogEntry>,
    /// The position up to which the page is complete: no event at or below it can appear later.
    pub through: i64,
    /// True if there may be more events already.
    pub has_more: bool,
}

/// Consecutive positions to which a transaction appended. No other transaction can append between `after` and the
/// last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRange {
    /// The position before that of the first appended event, which is `after + 1`. Later events have consecutive positions.
    pub after: i64,
    /// The position at which the range of the next transaction begins.
    pub through: i64,
}

/// Public events that Kafka does not have yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unpublished {
    pub count: u64,
    /// The time of the oldest.
    pub oldest: Option<Timestamp>,
}
