//! The event store: streams of events, snapshots, and what the shell needs beside them in the same transaction: the
//! inbox, the outbox, open intents, and the times when streams want to be woken.
//!
//! The domain arrives as a [`Transaction`], a small state machine without I/O: it says what to load, gets it, and says
//! what to write. The store runs it between BEGIN and COMMIT, so the storage decides how isolation is won and no
//! caller can hold a transaction open.

mod sqlite;
mod types;

use std::{collections::HashSet, future::Future};

use decider::StreamId;
use jiff::Timestamp;

pub use sqlite::SqliteStore;
pub use types::{
    Committed, Listing, Loaded, NewEvent, NewIntent, NewOutboxRow, OpenIntent, OutboxRow, Page, Snapshot, StoredEvent,
    StoredStream, StreamHead, StreamWrite, UpTo, Writes,
};

/// The store that the shell runs on.
pub type EventStore = SqliteStore;

/// What goes on inside one transaction.
pub trait Transaction: Send + 'static {
    /// The messages that this transaction handles. They are recorded in the inbox; those that were there already are
    /// given to the first [`Transaction::step`]. Called first, and again if the store starts over.
    fn messages(&mut self) -> Vec<uuid::Uuid>;

    /// Goes on with what was asked for.
    ///
    /// # Errors
    /// What was loaded can't be read; the transaction is rolled back.
    fn step(&mut self, loaded: Loaded) -> Result<Step, decider::LogError>;
}

/// What a transaction wants next.
#[derive(Debug)]
pub enum Step {
    /// These streams, then another step.
    Load(Vec<StreamId>),
    /// To write this and commit.
    Write(Writes),
}

/// The store is away, full or broken. Nothing of the transaction took effect.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// From SQLite.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A stream holds what this build can't read.
    #[error(transparent)]
    Log(#[from] decider::LogError),
    /// A stream is not at the version that was loaded.
    #[error("stream {stream} is not at version {expected}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version it was expected to have.
        expected: u64,
    },
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

/// One service's database. Nobody else reads it.
pub trait Store: Clone + Send + Sync + 'static {
    /// Runs the transaction and commits what it wants written, durably and all or nothing. Gives it back, so that it
    /// can be tried again, with the positions that its outbox rows and intents got.
    fn transact<T: Transaction>(
        &self,
        transaction: T,
    ) -> impl Future<Output = (T, Result<Committed, StoreError>)> + Send;

    /// A stream as it was at a point: the latest snapshot before that point and the events since.
    fn load(&self, stream: StreamId, up_to: UpTo) -> impl Future<Output = Result<StoredStream, StoreError>> + Send;

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
    fn published(&self, positions: Vec<i64>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Open intents from the position after `after`, in order, `limit` at most.
    fn intents(&self, after: i64, limit: usize) -> impl Future<Output = Result<Vec<OpenIntent>, StoreError>> + Send;

    /// Streams that want to be woken at `now` or before, the longest overdue first, `limit` at most.
    fn due(&self, now: Timestamp, limit: usize) -> impl Future<Output = Result<Vec<StreamId>, StoreError>> + Send;

    /// When the outbox row that waits longest was committed; `None` when none waits.
    fn outbox_oldest(&self) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send;

    /// How many outbox rows wait to be published.
    fn outbox_len(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// Names in a set.
pub type Seen = HashSet<uuid::Uuid>;
