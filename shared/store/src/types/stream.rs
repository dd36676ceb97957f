//! Streams and lists of streams.

use cloudevent::CorrelationId;
use decider::StreamId;
use jiff::Timestamp;
use uuid::Uuid;

use super::event::StoredEvent;

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

/// A stream as a snapshot and the events after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredStream {
    /// The version of the last event; 0 if there is none.
    pub version: u64,
    /// `None` if the stream does not exist, or if the caller holds it and nobody else has changed it.
    pub head: Option<Head>,
    /// The snapshot to start from; `None` starts from the initial state.
    pub snapshot: Option<Snapshot>,
    /// Events after the snapshot, oldest first.
    pub events: Vec<StoredEvent>,
}

/// Knowledge about a stream besides its events. A stream can exist without events, because it has processed messages that
/// had no effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The correlation id of the first event; `None` if there is none.
    pub correlation_id: Option<CorrelationId>,
    /// The trace in which the stream began, as first written; empty if there is none.
    pub trace: String,
    /// Number of public events, which is the sequence number of the last.
    pub published: u64,
    /// Messages that the stream has processed.
    pub processed: MessageIds,
    /// The last wave in which the public events were published again.
    pub wave: Option<Uuid>,
}

/// Ids of messages, 16 bytes each. Searched from the end, because most duplicates follow their original closely.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageIds(Vec<u8>);

impl MessageIds {
    /// Returns whether the id is one of these.
    pub fn contains(&self, id: Uuid) -> bool {
        self.0.rchunks_exact(ID_LEN).any(|known| known == id.as_bytes())
    }

    /// Adds an id.
    pub fn push(&mut self, id: Uuid) {
        self.0.extend_from_slice(id.as_bytes());
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Length of an id in bytes.
const ID_LEN: usize = 16;

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
pub struct StreamSummary {
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
    pub heads: Vec<StreamSummary>,
    /// Start of the next page; `None` on the last page.
    pub next: Option<i64>,
}
