//! Unchanged copies of records, kept until they are handled, parked or dead letters.

use bytes::Bytes;
use jiff::Timestamp;
use messaging::{OwnedRecord, Parts, Record, dead_letters};
use store::{DeadLetter, NewParked, Parked, RawRecord, RecordData, Rescheduled};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::input::failure::{Class, Failure};

/// Namespace of the ids of dead letters that are identified by the place of their record.
const DEAD_LETTERS: Uuid = Uuid::from_u128(0x1b8e_4a4c_9a3e_4a06_8f6c_55c1_2f0d_93b7);

/// A record from its topic, or from the table of parked records.
pub(crate) struct InboundRecord {
    raw: OwnedRecord,
    /// `None` if the record names no valid key.
    pub(crate) ordering_key: Option<String>,
    /// Id of the event, as the record claims.
    pub(crate) message: Option<Uuid>,
    /// True if an operator sent the record again after it became a dead letter.
    pub(crate) is_redriven: bool,
    /// The dead letter that an operator redrove or discarded, if the record names it.
    pub(crate) dead_letter: Option<Uuid>,
    /// Set if the record was parked.
    pub(crate) retry: Option<Retry>,
}

/// Another attempt to handle a parked record.
pub(crate) struct Retry {
    pub(crate) position: i64,
    attempts: u32,
    /// Dropped at the end of the attempt.
    _in_progress: oneshot::Sender<()>,
}

impl InboundRecord {
    /// Copies a record from its topic.
    pub(crate) fn new(record: &Record<'_>, ordering_key: Option<String>) -> Self {
        let message = record.text_header("ce_id").and_then(|id| id.parse().ok());
        let raw = record.to_owned_record();
        Self { raw, ordering_key, message, is_redriven: false, dead_letter: None, retry: None }
    }

    /// Honours the headers of a redriven record. Only records from the redrive topic may have them.
    pub(crate) fn redriven(mut self) -> Self {
        let record = self.raw.record();
        self.is_redriven = record.header(dead_letters::REDRIVE_OF).is_some();
        let dead_letter = record.text_header(dead_letters::REDRIVE_ID).filter(|_| self.is_redriven);
        self.dead_letter = dead_letter.and_then(|id| id.parse().ok());
        self
    }

    /// A parked record for its next attempt. The receiver is closed at the end of the attempt.
    pub(crate) fn parked(Parked { position, parked }: Parked) -> (Self, oneshot::Receiver<()>) {
        let (sender, ended) = oneshot::channel();
        let NewParked { ordering_key, raw, attempts, .. } = parked;
        let retry = Some(Retry { position, attempts, _in_progress: sender });
        let parked = Self::new(&record(&raw), Some(ordering_key)).redriven();
        (Self { retry, ..parked }, ended)
    }

    pub(crate) fn record(&self) -> Record<'_> {
        self.raw.record()
    }

    /// Number of earlier attempts.
    pub(crate) fn attempts(&self) -> u32 {
        self.retry.as_ref().map_or(0, |retry| retry.attempts)
    }

    /// Id of the dead letter of this record: the event's id, so that a redelivered event is recognized. A record that breaks
    /// its contract may carry the id of another event, so its id is derived from its place.
    pub(crate) fn dead_letter_id(&self, class: Class) -> Uuid {
        if class != Class::Contract
            && let Some(message) = self.message
        {
            return message;
        }
        let record = self.record();
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        let place = format!("{topic}/{partition}/{offset}/{}", record.timestamp_ms().unwrap_or_default());
        Uuid::new_v5(&DEAD_LETTERS, place.as_bytes())
    }

    /// The unchanged record, with headers for the failure and its place of origin.
    pub(crate) fn dead_letter(&self, topic: &str, failure: &Failure, attempts: u32, now: Timestamp) -> DeadLetter {
        let RawRecord { record, partition, offset, .. } = raw(&self.record());
        let id = self.dead_letter_id(failure.class);
        let added = [
            (dead_letters::ID, id.to_string()),
            (dead_letters::ERROR, failure.error.clone()),
            (dead_letters::CLASS, failure.class.name().to_owned()),
            (dead_letters::ATTEMPTS, attempts.to_string()),
            (dead_letters::TOPIC, record.topic.clone()),
            (dead_letters::PARTITION, partition.to_string()),
            (dead_letters::OFFSET, offset.to_string()),
            (dead_letters::TIME, now.to_string()),
        ];
        let added = added.into_iter().map(|(name, value)| (name.to_owned(), Bytes::from(value)));
        let mut headers = record.headers.into_iter().chain(added).collect();
        let mut payload = record.payload;
        if payload.len() > dead_letters::PAYLOAD_BYTES_MAX {
            dead_letters::cut(&mut headers, &mut payload);
        }
        let record = RecordData { topic: topic.to_owned(), key: record.key, headers, payload };
        DeadLetter { id, record }
    }

    /// The record, to be parked under this key.
    pub(crate) fn park(&self, key: &str, attempts: u32, error: &str, due: Timestamp) -> NewParked {
        let (raw, message) = (raw(&self.record()), self.message);
        NewParked { ordering_key: key.to_owned(), message, raw, attempts, error: error.to_owned(), due }
    }
}

impl Retry {
    /// The next attempt of the record, which stays parked.
    pub(crate) fn reschedule(&self, attempts: u32, error: &str, due: Timestamp) -> Rescheduled {
        Rescheduled { position: self.position, attempts, error: error.to_owned(), due }
    }
}

/// A stored record in the form in which it is read.
pub(crate) fn record(raw: &RawRecord) -> Record<'_> {
    let RawRecord { record, partition, offset, timestamp_ms } = raw;
    let RecordData { topic, key, headers, payload } = record;
    let (partition, offset, timestamp_ms, key) = (*partition, *offset, *timestamp_ms, key.as_deref());
    Parts { topic, partition, offset, timestamp_ms, key, headers, payload }.into()
}

/// A record in the form in which it is stored.
fn raw(record: &Record<'_>) -> RawRecord {
    RawRecord {
        record: RecordData {
            topic: record.topic().to_owned(),
            key: record.key().map(Bytes::copy_from_slice),
            headers: record.copy_headers(),
            payload: Bytes::copy_from_slice(record.payload()),
        },
        partition: record.partition(),
        offset: record.offset(),
        timestamp_ms: record.timestamp_ms(),
    }
}
