//! The event store: streams of events, snapshots, and what the shell needs beside them in the same transaction: the
//! inbox, the outbox, open intents, and the times when streams want to be woken.
//!
//! The domain arrives as a [`Transaction`], a small state machine without I/O: it says what to load, gets it, and says
//! what to write. The store runs it between BEGIN and COMMIT, so the storage decides how isolation is won and no
//! caller can hold a transaction open.

mod event_store;
mod headers;
mod lead;
mod postgres;
mod sqlite;
mod types;

use std::{collections::HashSet, future::Future};

use contracts::OrderId;
use decider::StreamId;
use jiff::Timestamp;

pub use event_store::EventStore;
pub use lead::Leadership;
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;
pub use types::{
    AsOf, Committed, Listing, Loaded, NewEvent, NewIntent, NewOutboxRow, NewParked, OpenIntent, OutboxRow, Page,
    Parked, PurgedPage, RawRecord, Rescheduled, Snapshot, StoredEvent, StoredStream, StreamHead, StreamRequest,
    StreamWrite, Writes,
};

/// The newest snapshots of a stream, which are all kept.
pub const SNAPSHOTS_KEPT: usize = 10;
/// Older snapshots are thinned out: an older point is rebuilt from at most so many events.
pub const OLD_SNAPSHOT_INTERVAL: u64 = 1_000;

/// What goes on inside one transaction.
pub trait Transaction: Send + 'static {
    /// The messages that this transaction handles. They are recorded in the inbox; those that were there already are
    /// given to the first [`Transaction::step`]. Called first, and again if the store starts over.
    fn messages(&mut self) -> Vec<uuid::Uuid>;

    /// The orders whose records this transaction handles. Those of them that have parked records are given to the first
    /// [`Transaction::step`] too. Only called when anything is parked.
    fn ordering_keys(&self) -> Vec<OrderId>;

    /// Goes on with what was asked for.
    ///
    /// # Errors
    /// It must begin again, with what was learned; the transaction is rolled back.
    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart>;

    /// Called just before the commit, with the outbox's new records. Nothing can be changed any more; tests crash here.
    fn commits(&self, _outbox: &mut dyn Iterator<Item = &NewOutboxRow>) {}
}

/// A transaction found out that it must begin again: something in it can't be handled as it had thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart;

/// What a transaction wants next.
#[derive(Debug)]
pub enum Step {
    /// These streams, then another step.
    Load(Vec<StreamRequest>),
    /// To write this and commit.
    Write(Writes),
}

/// The store is away, full or broken. Nothing of the transaction took effect.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// From SQLite.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// From PostgreSQL, or from the way there.
    #[error("PostgreSQL: {}", postgres::describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// Something in the database is not what was written there.
    #[error("{0} can't be read")]
    Unreadable(&'static str),
    /// A stream is not at the version that was loaded.
    #[error("stream {stream} is not at version {expected}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version it was expected to have.
        expected: u64,
    },
    /// The transaction asked for it; it is to be run again.
    #[error("the transaction begins again")]
    Restart,
    /// The store was closed while the request waited.
    #[error("the store is closed")]
    Closed,
    /// The database's URL can't be used.
    #[error("DATABASE_URL '{url}': {reason}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// Whether the store itself refuses what was to be written, and would refuse it again. If not, it is away, full or
    /// busy, and what was tried is to be tried again until it succeeds.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Sqlite(error) => sqlite::is_permanent(error),
            Self::Postgres(error) => postgres::is_permanent(error),
            Self::Unreadable(_) | Self::Conflict { .. } | Self::Restart | Self::Closed | Self::Url { .. } => false,
        }
    }

    /// Whether there is no server to be reached now, and later there may be.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Postgres(error) if postgres::is_unavailable(error))
    }
}

/// One service's database. Nobody else reads it.
pub trait Store: Clone + Send + Sync + 'static {
    /// Runs the transaction and commits what it wants written, durably and all or nothing. Gives it back, so that it
    /// can be tried again, with the positions that its outbox rows and intents got.
    fn transact<T: Transaction>(
        &self,
        transaction: T,
    ) -> impl Future<Output = (T, Result<Committed, StoreError>)> + Send;

    /// A stream as it was at a point: the latest snapshot before that point and the events since.
    fn load(&self, stream: StreamId, up_to: AsOf) -> impl Future<Output = Result<StoredStream, StoreError>> + Send;

    /// All events of a stream from the version after `after`, oldest first, `limit` at most.
    fn history(
        &self,
        stream: StreamId,
        after: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<StoredEvent>, StoreError>> + Send;

    /// A page of the streams of a category, newest first.
    fn list(&self, listing: Listing) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// Rows of the outbox that are not published yet, from the position after `after`, in order, `limit` at most.
    fn outbox(&self, after: i64, limit: usize) -> impl Future<Output = Result<Vec<OutboxRow>, StoreError>> + Send;

    /// Forgets outbox rows that were published. Need not survive a crash: what is published again is recognized.
    fn delete_published(&self, positions: Vec<i64>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Open intents from the position after `after`, in order, `limit` at most.
    fn intents(&self, after: i64, limit: usize) -> impl Future<Output = Result<Vec<OpenIntent>, StoreError>> + Send;

    /// How many intents are open.
    fn intents_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Streams that want to be woken at `now` or before, the longest overdue first, `limit` at most.
    fn due(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<Vec<StreamId>, StoreError>> + Send;

    /// How many streams want to be woken at `now` or before.
    fn due_len(&self, now: Timestamp) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Parked records whose time has come, `limit` at most. Of each order only the first: the others wait for it.
    fn parked(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<Vec<Parked>, StoreError>> + Send;

    /// How many records are parked.
    fn parked_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Forgets messages that were received before `horizon`. Looks at `limit` of them from the one after `after`.
    fn purge_inbox(
        &self,
        horizon: Timestamp,
        after: Option<uuid::Uuid>,
        limit: usize,
    ) -> impl Future<Output = Result<PurgedPage, StoreError>> + Send;

    /// When the outbox row that waits longest was committed; `None` when none waits.
    fn outbox_oldest(&self) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send;

    /// How many outbox rows wait to be published.
    fn outbox_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Takes part, from now on, in being the one instance that leads. Needs a Tokio runtime.
    fn join_election(&self) -> Leadership;
}

/// Names in a set.
pub type ProcessedMessages = HashSet<uuid::Uuid>;
