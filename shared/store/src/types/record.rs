//! Kafka records that wait in the store.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

/// A record's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordData {
    /// The topic's name without the deployment's prefix.
    pub topic: String,
    /// The record key; `None` for a record that has none.
    pub key: Option<Bytes>,
    pub headers: Vec<(String, Bytes)>,
    pub payload: Bytes,
}

/// A record that cannot be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message's id, or an id derived from the record's place. A dead letter with the id of an earlier one replaces it.
    pub id: Uuid,
    /// The record to publish.
    pub record: RecordData,
}

/// A record as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// The record, with its original topic.
    pub record: RecordData,
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
    /// Id of the message, if it is known. A message is parked once.
    pub message: Option<Uuid>,
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

/// A parked or unsent record that failed again.
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

/// A record that the broker refuses. Later records of its topic and key wait behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUnsent {
    /// Id of the event or of the dead letter. A topic's record with an id is kept once.
    pub id: Uuid,
    /// The record to publish.
    pub record: RecordData,
    /// Number of attempts so far; 0 for a record that waits behind another.
    pub attempts: u32,
    /// The reason of the last refusal; empty for a record that waits behind another.
    pub error: String,
    /// The time of the next attempt.
    pub due: Timestamp,
}

/// A record that waits until the broker accepts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// The position among all unsent records, never reused.
    pub position: i64,
    pub unsent: NewUnsent,
}

/// The topic and the key of records that are sent in order.
pub type TopicKey = (String, Option<Bytes>);

/// All unsent records in brief.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnsentSummary {
    pub count: u64,
    /// The oldest record, without its payload.
    pub oldest: Option<Unsent>,
}
