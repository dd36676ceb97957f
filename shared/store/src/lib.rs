#![doc = include_str!("../README.md")]

mod error;
mod event_store;
mod headers;
mod leader_election;
mod postgres;
mod read_position;
mod sqlite;
mod types;

use std::{collections::HashSet, future::Future};

use decider::StreamId;
use jiff::Timestamp;
use uuid::Uuid;

pub use error::StoreError;
pub use event_store::EventStore;
pub use leader_election::Leadership;
pub use postgres::PostgresStore;
pub use read_position::ReadPosition;
pub use sqlite::SqliteStore;
pub use types::{
    AsOf, Committed, DeadLetter, Head, IntentPage, Listing, Loaded, LogEntry, LogPage, LogRange, MessageIds, NewIntent,
    NewParked, NewUnsent, OpenIntent, OpenReplay, Page, Parked, Publication, RawRecord, RecordData, Replay,
    Rescheduled, Snapshot, StoredEvent, StoredStream, StreamRequest, StreamSummary, StreamWrite, TopicKey, Unpublished,
    Unsent, UnsentSummary, Writes,
};

/// Number of latest snapshots of a stream that are all kept.
pub const SNAPSHOTS_KEPT: usize = 10;
/// Minimum distance in events between older snapshots. An older state is rebuilt from at most this many events.
pub const OLD_SNAPSHOT_INTERVAL: u64 = 1_000;

/// Number of published dead letters that are kept.
pub const DEAD_LETTERS_KEPT: usize = 10_000;

/// The work of one database transaction.
pub trait Transaction: Send + 'static {
    /// Starts the work, or starts it again after a restart. Called first.
    fn begin(&mut self);

    /// Returns the messages that this transaction processes. The store passes those that an older version processed, and
    /// those with an open dead letter, to the first [`Transaction::step`]. Called only if there are any such messages.
    fn messages(&self) -> Vec<Uuid>;

    /// Returns the ordering keys of the records that this transaction processes. The store passes those with parked
    /// records to the first [`Transaction::step`]. Called only if any record is parked.
    fn ordering_keys(&self) -> Vec<String>;

    /// Continues with the requested streams.
    ///
    /// # Errors
    /// The transaction must be rolled back and run again, because it learned something that changes its decisions.
    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart>;

    /// Observes the writes just before the commit. It cannot change them; tests crash here.
    fn before_commit(&self, _writes: &Writes) {}
}

/// Signals that a transaction must be rolled back and run again, because an input cannot be processed as planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart;

/// The next request of a transaction.
#[derive(Debug)]
pub enum Step {
    /// Load these streams, then call [`Transaction::step`] again.
    Load(Vec<StreamRequest>),
    /// Write and commit.
    Write(Writes),
}

/// The database of one service. No other service reads it.
pub trait Store: Clone + Send + Sync + 'static {
    /// Runs the transaction and commits its writes durably, all or nothing. Returns the transaction, so that it can be
    /// retried, and the committed rows. May block the thread until the disk has them.
    fn transact<T: Transaction>(
        &self,
        transaction: T,
    ) -> impl Future<Output = (T, Result<Committed, StoreError>)> + Send;

    /// Loads a stream as of a point: the latest snapshot up to that point and the events after it.
    fn load(&self, stream: StreamId, as_of: AsOf) -> impl Future<Output = Result<StoredStream, StoreError>> + Send;

    /// Reads at most `limit` events of a stream with versions above `after`, oldest first.
    fn history(
        &self,
        stream: StreamId,
        after: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredEvent>, StoreError>> + Send;

    /// Lists a page of the streams of a category, newest first.
    fn list(&self, listing: Listing) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// Reads at most `limit` public events with positions above `after`, in order. The page ends before a position at which
    /// another transaction may still commit an event; the store waits a bounded time for such a transaction only if the page
    /// would be empty.
    fn tail(&self, after: i64, limit: usize) -> impl Future<Output = Result<LogPage, StoreError>> + Send;

    /// Returns the position up to which Kafka has all public events.
    fn cursor(&self) -> impl Future<Output = Result<i64, StoreError>> + Send;

    /// Advances the cursor. The change need not survive a crash, because readers recognize events that are published twice.
    fn advance_cursor(&self, position: i64) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Counts the public events up to the cursor, without those that are unsent. The count may be too small, never too large.
    fn published_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Counts the public events after the cursor.
    fn unpublished(&self) -> impl Future<Output = Result<Unpublished, StoreError>> + Send;

    /// Reads at most `limit` dead letters that are not published yet, oldest first.
    fn dead_letters(&self, limit: usize) -> impl Future<Output = Result<Vec<DeadLetter>, StoreError>> + Send;

    /// Marks dead letters as published, and deletes the oldest published ones beyond [`DEAD_LETTERS_KEPT`].
    fn mark_published(&self, dead_letters: Vec<Uuid>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Counts the published dead letters, without those that are unsent. The count may be too small, never too large.
    fn published_letters_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Marks all dead letters as not published.
    fn republish_dead_letters(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps a record that the broker refuses, behind all earlier ones. Does nothing if the topic's record with this id is
    /// kept already.
    fn keep_unsent(&self, unsent: NewUnsent) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads at most `limit` unsent records that are due at `now`. Of each topic and key it returns only the first record;
    /// the others wait behind it.
    fn unsent(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<Vec<Unsent>, StoreError>> + Send;

    /// Reads the topics and keys of all unsent records.
    fn unsent_keys(&self) -> impl Future<Output = Result<HashSet<TopicKey>, StoreError>> + Send;

    /// Counts the unsent records, and reads the oldest.
    fn unsent_summary(&self) -> impl Future<Output = Result<UnsentSummary, StoreError>> + Send;

    /// Deletes unsent records that the broker has accepted, by their positions, and reschedules others.
    fn update_unsent(
        &self,
        sent: Vec<i64>,
        rescheduled: Vec<Rescheduled>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads at most `limit` open replays, oldest first.
    fn replays(&self, limit: usize) -> impl Future<Output = Result<Vec<OpenReplay>, StoreError>> + Send;

    /// Deletes finished replays.
    fn delete_replays(&self, positions: Vec<i64>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads at most `limit` open intents with positions above `after`, in order.
    fn intents(&self, after: i64, limit: usize) -> impl Future<Output = Result<IntentPage, StoreError>> + Send;

    /// Counts the open intents.
    fn intents_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Lists at most `limit` streams whose timer is due at `now`, the longest overdue first.
    fn due(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<Vec<StreamId>, StoreError>> + Send;

    /// Counts the streams whose timer is due at `now`.
    fn due_len(&self, now: Timestamp) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Reads at most `limit` parked records that are due at `now`. Of each ordering key it returns only the first record;
    /// the others wait behind it.
    fn parked(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<Vec<Parked>, StoreError>> + Send;

    /// Counts the parked records.
    fn parked_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Reads the positions of a reader, as of the last commit.
    fn read_positions(&self) -> impl Future<Output = Result<Vec<ReadPosition>, StoreError>> + Send;

    /// Joins the election of the leading instance. Requires a Tokio runtime.
    fn join_election(&self) -> Leadership;
}
