//! The storage backend selected by the database URL.

use std::collections::HashSet;

use decider::StreamId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    AsOf, Committed, DeadLetter, IntentPage, Leadership, Listing, LogPage, NewUnsent, OpenReplay, Page, Parked,
    PostgresStore, ReadPosition, Rescheduled, SqliteStore, Store, StoreError, StoredEvent, StoredStream, TopicKey,
    Transaction, Unpublished, Unsent, UnsentSummary, postgres, sqlite,
};

/// The database of a service. Cheap to clone.
#[derive(Clone)]
pub enum EventStore {
    /// `sqlite:<path>`
    Sqlite(SqliteStore),
    /// `postgres://<user>:<password>@<host>/<database>`
    Postgres(PostgresStore),
}

impl EventStore {
    /// Opens the database of a URL and creates or migrates its tables.
    ///
    /// # Errors
    /// The URL is invalid, or the database cannot be opened at this version.
    pub async fn open_url(url: &str) -> Result<Self, StoreError> {
        if postgres::is_url(url) {
            return PostgresStore::open_url(url).await.map(Self::Postgres);
        }
        SqliteStore::open_url(url).map(Self::Sqlite)
    }

    /// Opens the database of a URL for reading, also while a service uses it. Writes fail.
    ///
    /// # Errors
    /// See [`EventStore::open_url`]; also, the database does not exist or has another version.
    pub async fn open_read_only(url: &str) -> Result<Self, StoreError> {
        if postgres::is_url(url) {
            return PostgresStore::open_read_only(url).await.map(Self::Postgres);
        }
        SqliteStore::open_read_only(url).map(Self::Sqlite)
    }

    /// Returns the name of the database system in OpenTelemetry's semantic conventions (`db.system.name`).
    pub fn system(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }

    /// Returns whether transactions block their thread until the disk has them.
    #[must_use]
    pub fn blocks(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Checks a URL without opening it.
    ///
    /// # Errors
    /// No backend accepts the URL.
    pub fn check_url(url: &str) -> Result<(), StoreError> {
        if postgres::is_url(url) { postgres::check_url(url) } else { sqlite::check_url(url) }
    }
}

/// Calls a method of the selected backend.
macro_rules! delegate {
    ($store:expr, $method:ident($($argument:expr),*)) => {
        match $store {
            EventStore::Sqlite(store) => store.$method($($argument),*).await,
            EventStore::Postgres(store) => store.$method($($argument),*).await,
        }
    };
}

impl Store for EventStore {
    async fn transact<T: Transaction>(&self, transaction: T) -> (T, Result<Committed, StoreError>) {
        delegate!(self, transact(transaction))
    }

    async fn load(&self, stream: StreamId, as_of: AsOf) -> Result<StoredStream, StoreError> {
        delegate!(self, load(stream, as_of))
    }

    async fn history(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        delegate!(self, history(stream, after, limit))
    }

    async fn list(&self, listing: Listing) -> Result<Page, StoreError> {
        delegate!(self, list(listing))
    }

    async fn tail(&self, after: i64, limit: usize) -> Result<LogPage, StoreError> {
        delegate!(self, tail(after, limit))
    }

    async fn cursor(&self) -> Result<i64, StoreError> {
        delegate!(self, cursor())
    }

    async fn advance_cursor(&self, position: i64) -> Result<(), StoreError> {
        delegate!(self, advance_cursor(position))
    }

    async fn published_len(&self) -> Result<u64, StoreError> {
        delegate!(self, published_len())
    }

    async fn unpublished(&self) -> Result<Unpublished, StoreError> {
        delegate!(self, unpublished())
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        delegate!(self, dead_letters(limit))
    }

    async fn mark_published(&self, dead_letters: Vec<Uuid>) -> Result<(), StoreError> {
        delegate!(self, mark_published(dead_letters))
    }

    async fn published_letters_len(&self) -> Result<u64, StoreError> {
        delegate!(self, published_letters_len())
    }

    async fn republish_dead_letters(&self) -> Result<(), StoreError> {
        delegate!(self, republish_dead_letters())
    }

    async fn keep_unsent(&self, unsent: NewUnsent) -> Result<(), StoreError> {
        delegate!(self, keep_unsent(unsent))
    }

    async fn unsent(&self, now: Timestamp, limit: usize) -> Result<Vec<Unsent>, StoreError> {
        delegate!(self, unsent(now, limit))
    }

    async fn unsent_keys(&self) -> Result<HashSet<TopicKey>, StoreError> {
        delegate!(self, unsent_keys())
    }

    async fn unsent_summary(&self) -> Result<UnsentSummary, StoreError> {
        delegate!(self, unsent_summary())
    }

    async fn update_unsent(&self, sent: Vec<i64>, rescheduled: Vec<Rescheduled>) -> Result<(), StoreError> {
        delegate!(self, update_unsent(sent, rescheduled))
    }

    async fn replays(&self, limit: usize) -> Result<Vec<OpenReplay>, StoreError> {
        delegate!(self, replays(limit))
    }

    async fn delete_replays(&self, positions: Vec<i64>) -> Result<(), StoreError> {
        delegate!(self, delete_replays(positions))
    }

    async fn intents(&self, after: i64, limit: usize) -> Result<IntentPage, StoreError> {
        delegate!(self, intents(after, limit))
    }

    async fn intents_len(&self) -> Result<u64, StoreError> {
        delegate!(self, intents_len())
    }

    async fn due_len(&self, now: Timestamp) -> Result<u64, StoreError> {
        delegate!(self, due_len(now))
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        delegate!(self, due(now, limit))
    }

    async fn parked(&self, now: Timestamp, limit: usize) -> Result<Vec<Parked>, StoreError> {
        delegate!(self, parked(now, limit))
    }

    async fn parked_len(&self) -> Result<u64, StoreError> {
        delegate!(self, parked_len())
    }

    async fn read_positions(&self) -> Result<Vec<ReadPosition>, StoreError> {
        delegate!(self, read_positions())
    }

    fn join_election(&self) -> Leadership {
        match self {
            Self::Sqlite(store) => store.join_election(),
            Self::Postgres(store) => store.join_election(),
        }
    }
}
