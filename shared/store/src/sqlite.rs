//! The SQLite backend: the embedded default, for one instance of a service.
//!
//! Only one connection writes, so transactions are serialized and cannot conflict. Readers have their own connections; in
//! WAL mode they never wait for the writer.

mod dead_letters;
mod parked;
mod read;
mod read_positions;
mod replays;
mod retries;
mod schema;
mod unsent;
mod write;
mod writer;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use decider::StreamId;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use uuid::Uuid;

use self::writer::Writer;
use crate::{
    AsOf, Committed, DeadLetter, IntentPage, Leadership, Listing, LogPage, NewUnsent, OpenReplay, Page, Parked,
    ReadPosition, Rescheduled, Store, StoreError, StoredEvent, StoredStream, TopicKey, Transaction, Unpublished,
    Unsent, UnsentSummary,
};

/// Number of idle read connections kept open; more are opened on demand and closed after use.
const READERS_KEPT: usize = 4;
/// Capacity of a connection's statement cache, which fits all statements.
const STATEMENTS_KEPT: usize = 64;

const UNPOISONED: &str = "no holder of the lock panics";

/// Page cache of a connection. SQLite takes a negative value as KiB.
const CACHE_KIB: i32 = -8_192;

/// WAL size in pages (16 MiB) at which it is copied to the database. A page changed by many transactions is copied once.
const CHECKPOINT_PAGES: u32 = 4_000;

/// A database file. Cheap to clone; closed when the last clone is dropped.
#[derive(Clone)]
pub struct SqliteStore {
    writer: Arc<Mutex<Writer>>,
    readers: Arc<Readers>,
}

struct Readers {
    path: PathBuf,
    access: Access,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteStore {
    /// Opens the database of a URL `sqlite:<path>` and creates the file and its folder if missing.
    ///
    /// # Errors
    /// The URL is invalid, or the file cannot be opened as a database of this version.
    pub fn open_url(url: &str) -> Result<Self, StoreError> {
        Self::open(path_of(url)?)
    }

    /// Opens the database of a URL for reading, also while a service uses it. Writes fail.
    ///
    /// # Errors
    /// See [`SqliteStore::open_url`]; also, the file does not exist.
    pub fn open_read_only(url: &str) -> Result<Self, StoreError> {
        let path = path_of(url)?;
        let connection = Access::Read.connect(path)?;
        schema::check(&connection)?;
        Self::start(connection, path, Access::Read)
    }

    /// Opens a database file and creates it and its folder if missing.
    ///
    /// # Errors
    /// The file cannot be opened as a database of this version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::Url {
                url: path.display().to_string(),
                reason: format!("failed to create folder: {error}"),
            })?;
        }
        let mut connection = Access::Write.connect(path)?;
        schema::migrate(&mut connection)?;
        Self::start(connection, path, Access::Write)
    }

    fn start(connection: Connection, path: &Path, access: Access) -> Result<Self, StoreError> {
        Ok(Self {
            writer: Arc::new(Mutex::new(Writer::new(connection)?)),
            readers: Arc::new(Readers { path: path.to_owned(), access, idle: Mutex::default() }),
        })
    }

    async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let writer = Arc::clone(&self.writer);
        let write = move || work(&mut writer.lock().expect(UNPOISONED));
        tokio::task::spawn_blocking(write).await.map_err(|_| StoreError::Closed)?
    }

    async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let readers = Arc::clone(&self.readers);
        let read = move || {
            let connection = readers.acquire()?;
            let result = work(&connection);
            readers.release(connection);
            result
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::Closed)?
    }
}

impl Readers {
    fn acquire(&self) -> Result<Connection, StoreError> {
        let idle = self.idle.lock().expect(UNPOISONED).pop();
        idle.map_or_else(|| self.access.connect(&self.path), Ok)
    }

    fn release(&self, connection: Connection) {
        let mut idle = self.idle.lock().expect(UNPOISONED);
        if idle.len() < READERS_KEPT {
            idle.push(connection);
        }
    }
}

/// Checks a URL without opening it.
pub(crate) fn check_url(url: &str) -> Result<(), StoreError> {
    path_of(url).map(drop)
}

fn path_of(url: &str) -> Result<&Path, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Ok(Path::new(path)),
        scheme => {
            let reason = "expected sqlite:<path> or postgres://<host>/<database>".to_owned();
            Err(StoreError::Url { url: scheme.map_or(url, |(scheme, _)| scheme).to_owned(), reason })
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Access {
    Write,
    /// Changes nothing, not even the schema version.
    Read,
}

impl Access {
    /// Opens a connection with the required durability: a commit is on disk before it returns.
    fn connect(self, path: &Path) -> Result<Connection, StoreError> {
        let flags = match self {
            Self::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Self::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        if let Self::Write = self {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        }
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        // Make plans independent of parameters. Otherwise a statement with a parameter in LIMIT is recompiled every time.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    }
}

impl Store for SqliteStore {
    async fn transact<T: Transaction>(&self, mut transaction: T) -> (T, Result<Committed, StoreError>) {
        let result = write::transact(&mut self.writer.lock().expect(UNPOISONED), &mut transaction);
        (transaction, result)
    }

    async fn load(&self, stream: StreamId, as_of: AsOf) -> Result<StoredStream, StoreError> {
        self.read(move |connection| read::stream(connection, &stream, as_of)).await
    }

    async fn history(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(move |connection| read::history(connection, &stream, after, limit)).await
    }

    async fn list(&self, listing: Listing) -> Result<Page, StoreError> {
        self.read(move |connection| read::list(connection, &listing)).await
    }

    async fn tail(&self, after: i64, limit: usize) -> Result<LogPage, StoreError> {
        self.read(move |connection| read::tail(connection, after, limit)).await
    }

    async fn cursor(&self) -> Result<i64, StoreError> {
        self.read(read::cursor).await
    }

    async fn advance_cursor(&self, position: i64) -> Result<(), StoreError> {
        self.write(move |writer| write::advance_cursor(&writer.connection, position)).await
    }

    async fn published_len(&self) -> Result<u64, StoreError> {
        self.read(read::published_len).await
    }

    async fn unpublished(&self) -> Result<Unpublished, StoreError> {
        self.read(read::unpublished).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(move |connection| dead_letters::unpublished(connection, limit)).await
    }

    async fn mark_published(&self, dead_letters: Vec<Uuid>) -> Result<(), StoreError> {
        self.write(move |writer| dead_letters::mark_published(&mut writer.connection, &dead_letters)).await
    }

    async fn published_letters_len(&self) -> Result<u64, StoreError> {
        self.read(dead_letters::published_len).await
    }

    async fn republish_dead_letters(&self) -> Result<(), StoreError> {
        self.write(|writer| dead_letters::republish(&writer.connection)).await
    }

    async fn keep_unsent(&self, unsent: NewUnsent) -> Result<(), StoreError> {
        self.write(move |writer| unsent::keep(&writer.connection, &unsent)).await
    }

    async fn unsent(&self, now: Timestamp, limit: usize) -> Result<Vec<Unsent>, StoreError> {
        self.read(move |connection| unsent::due(connection, now, limit)).await
    }

    async fn unsent_keys(&self) -> Result<HashSet<TopicKey>, StoreError> {
        self.read(unsent::keys).await
    }

    async fn unsent_summary(&self) -> Result<UnsentSummary, StoreError> {
        self.read(unsent::summary).await
    }

    async fn update_unsent(&self, sent: Vec<i64>, rescheduled: Vec<Rescheduled>) -> Result<(), StoreError> {
        self.write(move |writer| unsent::update(&mut writer.connection, &sent, &rescheduled)).await
    }

    async fn replays(&self, limit: usize) -> Result<Vec<OpenReplay>, StoreError> {
        self.read(move |connection| replays::open(connection, limit)).await
    }

    async fn delete_replays(&self, positions: Vec<i64>) -> Result<(), StoreError> {
        self.write(move |writer| replays::finish(&mut writer.connection, &positions)).await
    }

    async fn intents(&self, after: i64, limit: usize) -> Result<IntentPage, StoreError> {
        self.read(move |connection| read::intents(connection, after, limit)).await
    }

    async fn intents_len(&self) -> Result<u64, StoreError> {
        self.read(read::intents_len).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        self.read(move |connection| read::due(connection, now, limit)).await
    }

    async fn due_len(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.read(move |connection| read::due_len(connection, now)).await
    }

    async fn parked(&self, now: Timestamp, limit: usize) -> Result<Vec<Parked>, StoreError> {
        self.read(move |connection| parked::due(connection, now, limit)).await
    }

    async fn parked_len(&self) -> Result<u64, StoreError> {
        self.read(parked::len).await
    }

    async fn read_positions(&self) -> Result<Vec<ReadPosition>, StoreError> {
        self.read(read_positions::read).await
    }

    fn join_election(&self) -> Leadership {
        Leadership::alone()
    }
}
