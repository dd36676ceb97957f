//! Records that are kept until it is clear that they are handled: as they came, to be parked or to become dead letters.

use bytes::Bytes;
use contracts::OrderId;
use jiff::Timestamp;
use messaging::{OwnedRecord, Parts, Record, dead_letters};
use store::{NewOutboxRow, NewParked, Parked, RawRecord, Rescheduled};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::input::Failure;

/// Dead letters are recognized, when their record is read again, by an id in this namespace.
const DEAD_LETTERS: Uuid = Uuid::from_u128(0x1b8e_4a4c_9a3e_4a06_8f6c_55c1_2f0d_93b7);

/// A record as it came, from its topic or from where it was parked.
pub(crate) struct InboundRecord {
    pub(crate) kept: OwnedRecord,
    /// The order that it is about; `None` when that is not known.
    pub(crate) order_id: Option<OrderId>,
    /// What is known of it from where it was parked.
    pub(crate) retry: Option<Retry>,
}

/// What is known of a record that was parked.
pub(crate) struct Retry {
    pub(crate) position: i64,
    pub(crate) attempts: u32,
    /// Dropped when the attempt is over.
    _over: oneshot::Sender<()>,
}

impl InboundRecord {
    /// Of a record from its topic.
    pub(crate) fn new(record: &Record<'_>, order_id: Option<OrderId>) -> Self {
        Self { kept: record.to_owned_record(), order_id, retry: None }
    }

    /// Of a record that was parked, and the end of its next attempt.
    pub(crate) fn parked(Parked { position, parked }: Parked) -> (Self, oneshot::Receiver<()>) {
        let (sender, over) = oneshot::channel();
        let NewParked { order_id, arrived, attempts, .. } = parked;
        let retry = Some(Retry { position, attempts, _over: sender });
        (Self { retry, ..Self::new(&record(&arrived), Some(order_id)) }, over)
    }

    /// The record, to be read once more.
    pub(crate) fn record(&self) -> Record<'_> {
        self.kept.record()
    }

    /// How often it was tried before.
    pub(crate) fn attempts(&self) -> u32 {
        self.retry.as_ref().map_or(0, |retry| retry.attempts)
    }

    /// Recognizes its dead letter.
    pub(crate) fn dead_letter_id(&self) -> Uuid {
        let record = self.record();
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        let place = format!("{topic}/{partition}/{offset}/{}", record.timestamp_ms().unwrap_or_default());
        Uuid::new_v5(&DEAD_LETTERS, place.as_bytes())
    }

    /// The record as it was, with what was wrong and where it was found.
    pub(crate) fn dead_letter(&self, topic: &str, failure: &Failure, attempts: u32, now: Timestamp) -> NewOutboxRow {
        let RawRecord { record, partition, offset, .. } = arrived(&self.record());
        let found = [
            (dead_letters::ERROR, failure.error.clone()),
            (dead_letters::CLASS, failure.class.name().to_owned()),
            (dead_letters::ATTEMPTS, attempts.to_string()),
            (dead_letters::TOPIC, record.topic.clone()),
            (dead_letters::PARTITION, partition.to_string()),
            (dead_letters::OFFSET, offset.to_string()),
            (dead_letters::TIME, now.to_string()),
        ];
        let found = found.into_iter().map(|(name, value)| (name.to_owned(), Bytes::from(value)));
        let headers = record.headers.into_iter().chain(found).collect();
        NewOutboxRow { topic: topic.to_owned(), key: record.key, headers, payload: record.payload }
    }

    /// The record to park, from an order that is known.
    pub(crate) fn park(&self, order_id: OrderId, attempts: u32, error: &str, due: Timestamp) -> NewParked {
        NewParked { order_id, arrived: arrived(&self.record()), attempts, error: error.to_owned(), due }
    }
}

impl Retry {
    /// It stays parked.
    pub(crate) fn postpone(&self, attempts: u32, error: &str, due: Timestamp) -> Rescheduled {
        Rescheduled { position: self.position, attempts, error: error.to_owned(), due }
    }
}

/// A record as it was stored.
pub(crate) fn record(arrived: &RawRecord) -> Record<'_> {
    let RawRecord { record, partition, offset, timestamp_ms } = arrived;
    let NewOutboxRow { topic, key, headers, payload } = record;
    let (partition, offset, timestamp_ms, key) = (*partition, *offset, *timestamp_ms, key.as_deref());
    Parts { topic, partition, offset, timestamp_ms, key, headers, payload }.into()
}

/// A record as it is stored.
fn arrived(record: &Record<'_>) -> RawRecord {
    RawRecord {
        record: NewOutboxRow {
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
