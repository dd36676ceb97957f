//! Connections to a ledger file, and its errors.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::ProviderError;

/// Pause before a process that finds the file locked retries.
const BUSY_PAUSE: Duration = Duration::from_micros(500);
/// Maximum retries: about ten seconds, unless the machine is very busy.
const BUSY_RETRIES_MAX: i32 = 20_000;

const SCHEMA: &str = "
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS decided (
        key TEXT NOT NULL, operation TEXT NOT NULL, request TEXT, answer TEXT NOT NULL,
        PRIMARY KEY (key, operation)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS effects (
        seq INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, amount_minor INTEGER, currency TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS effects_of_key ON effects (key);
    CREATE TABLE IF NOT EXISTS calls (
        seq INTEGER PRIMARY KEY, time TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
        kind TEXT NOT NULL, key TEXT NOT NULL, answer TEXT, error TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS calls_of_key ON calls (key);
    CREATE TABLE IF NOT EXISTS trouble (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        latency_ms INTEGER NOT NULL, failing_percent INTEGER NOT NULL, lost_percent INTEGER NOT NULL
    ) STRICT;
    COMMIT;";

/// Errors of a ledger.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("failed to open ledger {path}: {source}")]
    Open { path: PathBuf, source: rusqlite::Error },
    /// The database failed.
    #[error("ledger: {0}")]
    Database(#[from] rusqlite::Error),
    /// The commit failed and the work was rolled back.
    #[error("failed to commit to ledger: {0}")]
    Commit(String),
    /// The transaction did not begin, or panicked.
    #[error("ledger transaction aborted")]
    Aborted,
    /// The ledger contains data that this build does not know.
    #[error("invalid ledger data: {0}")]
    Data(#[from] serde_json::Error),
    /// The ledger contains an effect that this provider does not have, so it belongs to another provider.
    #[error("unknown ledger effect {0}, the ledger belongs to another provider")]
    ForeignEffect(String),
}

impl From<LedgerError> for ProviderError {
    fn from(error: LedgerError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Opens a ledger for its provider and creates its tables.
pub(super) fn open(path: &Path) -> Result<Connection, LedgerError> {
    let connect = || -> rusqlite::Result<Connection> {
        let mut connection = Connection::open(path)?;
        connection.busy_handler(Some(retry_when_busy))?;
        use_wal(&connection)?;
        // The file represents another machine: it must survive this process, but not this operating system.
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.execute_batch(SCHEMA)?;
        Ok(connection)
    };
    connect().map_err(|source| LedgerError::Open { path: path.to_owned(), source })
}

/// Opens an existing ledger for reading.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, LedgerError> {
    let connect = || -> rusqlite::Result<Connection> {
        let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_handler(Some(retry_when_busy))?;
        Ok(connection)
    };
    connect().map_err(|source| LedgerError::Open { path: path.to_owned(), source })
}

/// SQLite's busy handler: returns `true` to retry. SQLite's own pauses grow to 100 ms, while a transaction takes microseconds.
fn retry_when_busy(retries: i32) -> bool {
    std::thread::sleep(BUSY_PAUSE);
    retries < BUSY_RETRIES_MAX
}

/// Switches the file to WAL mode. SQLite does not call the busy handler if several processes switch a new file at the same
/// moment, because they would wait for each other.
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut retries = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && retry_when_busy(retries) => {
                retries += 1;
            }
            result => return result,
        }
    }
}
