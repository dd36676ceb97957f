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

pub use error::StoreError;
pub use event_store::EventStore;
pub use leader_election::Leadership;
pub use postgres::PostgresStore;
pub use read_position::ReadPosition;
pub use sqlite::SqliteStore;
pub use types::{
    AsOf, Committed, Listing, Loaded, NewEvent, NewIntent, NewOutboxRow, NewParked, OpenIntent, OutboxRow, Page,
    Parked, PurgedPage, RawRecord, Rescheduled, Snapshot, StoredEvent, StoredStream, StreamHead, StreamRequest,
    StreamWrite, Writes,
};

/// Number of latest snapshots of a stream that are all kept.
pub const SNAPSHOTS_KEPT: usize = 10;
/// Minimum distance in events between older snapshots. An older state is rebuilt from at most this many events.
pub const OLD_SNAPSHOT_INTERVAL: u64 = 1_000;

/// Ids of messages that were processed before.
pub type ProcessedMessages = HashSet<uuid::Uuid>;

/// The work of one database transaction.
pub trait Transaction: Send + 'static {
    /// Returns the messages that this transaction processes. The store records them in the inbox and passes those that
    /// were there already to the first [`Transaction::step`]. Called first, and again on every restart.
    fn messages(&mut self) -> Vec<uuid::Uuid>;

    /// Returns the ordering keys of the records that this transaction processes. The store passes those with parked
    /// records to the first [`Transaction::step`]. Called only if any record is parked.
    fn ordering_keys(&self) -> Vec<String>;

    /// Continues with the requested streams.
    ///
    /// # Errors
    /// The transaction must be rolled back and run again, because it learned something that changes its decisions.
    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart>;

    /// Observes the new outbox rows just before the commit. It cannot change them; tests crash here.
    fn before_commit(&self, _outbox: &mut dyn Iterator<Item = &NewOutboxRow>) {}
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
    /// retried, and the positions of its outbox rows and intents.
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

    /// Reads at most `limit` unpublished outbox rows with positions above `after`, in order.
    fn outbox(&self, after: i64, limit: usize) -> impl Future<Output = Result<Vec<OutboxRow>, StoreError>> + Send;

    /// Deletes published outbox rows. The deletion need not survive a crash, because readers recognize records that are
    /// published twice.
    fn delete_published(&self, positions: Vec<i64>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads at most `limit` open intents with positions above `after`, in order.
    fn intents(&self, after: i64, limit: usize) -> impl Future<Output = Result<Vec<OpenIntent>, StoreError>> + Send;

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

    /// Examines the next `limit` inbox entries with ids above `after` and deletes those received before `horizon`.
    fn purge_inbox(
        &self,
        horizon: Timestamp,
        after: Option<uuid::Uuid>,
        limit: usize,
    ) -> impl Future<Output = Result<PurgedPage, StoreError>> + Send;

    /// Returns the commit time of the oldest unpublished outbox row, or `None` if the outbox is empty.
    fn outbox_oldest(&self) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send;

    /// Counts the unpublished outbox rows.
    fn outbox_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Reads the positions of a reader, as of the last commit.
    fn read_positions(&self) -> impl Future<Output = Result<Vec<ReadPosition>, StoreError>> + Send;

    /// Joins the election of the leading instance. Requires a Tokio runtime.
    fn join_election(&self) -> Leadership;
}
