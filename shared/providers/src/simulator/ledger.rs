//! What a simulated provider knows, in a file of its own; as the provider writes it.
//!
//! Three tables: `decided` makes a key idempotent, `effects` has a row for everything that really happened, and `calls`
//! has every call. Nothing in `effects` is unique on purpose: if the handling of keys were wrong, an effect would be
//! there twice, and so it would be seen.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::{Money, OrderId};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, Row, TransactionBehavior};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::trouble::Trouble;
use crate::ProviderError;

/// How long a process that finds the file locked waits until it tries again.
const BUSY_PAUSE: Duration = Duration::from_micros(500);
/// How often it tries: ten seconds, unless the machine is very busy.
const BUSY_TRIES: i32 = 20_000;

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

/// Why a ledger could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file can't be opened.
    #[error("ledger {path} can't be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        source: rusqlite::Error,
    },
    /// The database failed.
    #[error("ledger: {0}")]
    Database(#[from] rusqlite::Error),
    /// What was done could not be committed, so it is undone.
    #[error("ledger: {0}")]
    Commit(String),
    /// The transaction did not even begin, or broke off.
    #[error("the ledger gave up")]
    GivenUp,
    /// The ledger holds what this build does not understand.
    #[error("ledger holds unknown data: {0}")]
    Data(#[from] serde_json::Error),
    /// The ledger holds an effect that its provider does not have: it is another provider's.
    #[error("ledger holds an effect of another provider: {0}")]
    ForeignEffect(String),
}

impl From<LedgerError> for ProviderError {
    fn from(error: LedgerError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Tells whoever waits what became of their work: committed, or why not.
type Told = Box<dyn FnOnce(Result<(), &str>)>;
type Work = Box<dyn FnOnce(&Books<'_>) -> Told + Send>;

/// The ledger of one provider. What has arrived meanwhile is committed together, as in any provider's database.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    connection: Arc<Mutex<Connection>>,
    queue: Arc<Mutex<Queue>>,
}

/// Work that waits to be done. Each piece has a caller who waits for it, so it is bounded by their number.
#[derive(Default)]
struct Queue {
    waiting: Vec<Work>,
    somebody_is_at_it: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wait", self.waiting.len())
    }
}

impl Ledger {
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        let connection = connect(path).map_err(|source| LedgerError::Open { path: path.to_owned(), source })?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), queue: Arc::default() })
    }

    /// Does `work` in a write transaction, perhaps with others' work; an error undoes all of it, and nothing else.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Books<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |books| {
            let done = books.undone_if_it_fails(work);
            // Who asked may have gone.
            Box::new(move |committed: Result<(), &str>| {
                let _ = reply.send(committed.map_err(|error| LedgerError::Commit(error.to_owned())).and(done));
            })
        });
        self.submit(work);
        answer.await.map_err(|_| LedgerError::GivenUp)?
    }

    fn submit(&self, work: Work) {
        let mut queue = lock(&self.queue);
        queue.waiting.push(work);
        if !std::mem::replace(&mut queue.somebody_is_at_it, true) {
            let ledger = self.clone();
            drop(tokio::task::spawn_blocking(move || ledger.work_off()));
        }
    }

    fn work_off(&self) {
        let mut connection = lock(&self.connection);
        loop {
            let mut queue = lock(&self.queue);
            if queue.waiting.is_empty() {
                queue.somebody_is_at_it = false;
                return;
            }
            let work = std::mem::take(&mut queue.waiting);
            drop(queue);
            // Those whose work broke off find their reply dropped; those who come later must not wait in vain.
            let _ = catch_unwind(AssertUnwindSafe(|| commit_together(&mut connection, work)));
        }
    }

    /// What goes wrong at this provider, if somebody said so.
    pub(super) fn trouble(&self) -> Result<Option<Trouble>, LedgerError> {
        let connection = lock(&self.connection);
        let mut select = connection.prepare_cached("SELECT latency_ms, failing_percent, lost_percent FROM trouble")?;
        let trouble = |row: &Row<'_>| {
            let latency = Duration::from_millis(row.get(0)?);
            Ok(Trouble { latency, failing_percent: row.get(1)?, lost_percent: row.get(2)? })
        };
        Ok(select.query_row((), trouble).optional()?)
    }

    pub(super) fn set_trouble(&self, trouble: Trouble) -> Result<(), LedgerError> {
        let latency_ms = u64::try_from(trouble.latency.as_millis()).unwrap_or(u64::MAX);
        let row = (latency_ms, trouble.failing_percent, trouble.lost_percent);
        let connection = lock(&self.connection);
        connection.execute("INSERT OR REPLACE INTO trouble VALUES (0, ?1, ?2, ?3)", row)?;
        Ok(())
    }
}

/// A panic in any work rolled its transaction back, so what it left locked is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn commit_together(connection: &mut Connection, work: Vec<Work>) {
    let mut told = Vec::with_capacity(work.len());
    // Immediate: a transaction that starts by reading could not wait for another process's once it has to write.
    let commit = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
        told.extend(work.into_iter().map(|work| work(&Books(&transaction))));
        transaction.commit()
    });
    let committed = commit.map_err(|error| error.to_string());
    for tell in told {
        tell(committed.as_ref().copied().map_err(String::as_str));
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_handler(Some(wait_for_others))?;
    use_wal(&connection)?;
    // The file stands for somebody else's machine: it must survive our process but not our operating system.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// For SQLite's busy handler: true to try again. SQLite's own pauses grow to 100 ms, where a turn takes microseconds.
pub(super) fn wait_for_others(tries: i32) -> bool {
    std::thread::sleep(BUSY_PAUSE);
    tries < BUSY_TRIES
}

/// The busy handler isn't asked when several processes switch a new file over to WAL at the same moment: SQLite sees
/// that they would wait for each other.
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && wait_for_others(tries) => {
                tries += 1;
            }
            done => return done,
        }
    }
}

/// What a call came to. A fault of the ledger undoes the call; the provider's own error is part of what is recorded.
pub(super) type Outcome<A> = Result<Result<A, ProviderError>, LedgerError>;

/// A call that was logged and has no answer yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    seq: i64,
    /// Counts the calls of this kind under this key, from 1.
    pub(super) attempt: u32,
}

/// What closed a key.
pub(super) struct Decided<R, A> {
    /// None when the key was closed before the request came.
    pub(super) request: Option<R>,
    pub(super) answer: A,
}

impl<R: PartialEq, A> Decided<R, A> {
    /// The answer to the same request again.
    pub(super) fn answer_to(self, request: &R) -> Result<A, ProviderError> {
        match self.request {
            Some(first) if first != *request => {
                Err(ProviderError::Refused("the key was used for another request".to_owned()))
            }
            _ => Ok(self.answer),
        }
    }
}

/// The ledger within one write transaction.
pub(super) struct Books<'c>(&'c Connection);

impl Books<'_> {
    fn undone_if_it_fails<T>(&self, work: impl FnOnce(&Books<'_>) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        self.execute("SAVEPOINT work", ())?;
        let done = work(self);
        if done.is_err() {
            self.execute("ROLLBACK TO work", ())?;
        }
        self.execute("RELEASE work", ())?;
        done
    }

    pub(super) fn arrival(&self, kind: &str, key: OrderId) -> rusqlite::Result<Arrival> {
        let key = key.to_string();
        self.execute("INSERT INTO calls (kind, key) VALUES (?1, ?2)", (kind, &key))?;
        let seq = self.0.last_insert_rowid();
        let mut count = self.0.prepare_cached("SELECT count(*) FROM calls WHERE key = ?1 AND kind = ?2")?;
        Ok(Arrival { seq, attempt: count.query_one((&key, kind), |row| row.get(0))? })
    }

    pub(super) fn answered<A: Serialize>(
        &self,
        arrival: Arrival,
        answer: &Result<A, ProviderError>,
    ) -> Result<(), LedgerError> {
        match answer {
            Ok(answer) => {
                let answer = serde_json::to_string(answer)?;
                self.execute("UPDATE calls SET answer = ?2 WHERE seq = ?1", (arrival.seq, answer))?;
            }
            Err(error) => {
                self.execute("UPDATE calls SET error = ?2 WHERE seq = ?1", (arrival.seq, error.to_string()))?;
            }
        }
        Ok(())
    }

    pub(super) fn is_decided(&self, key: OrderId) -> rusqlite::Result<bool> {
        self.0.prepare_cached("SELECT 1 FROM decided WHERE key = ?1")?.exists([key.to_string()])
    }

    pub(super) fn decided<R: DeserializeOwned, A: DeserializeOwned>(
        &self,
        operation: &str,
        key: OrderId,
    ) -> Result<Option<Decided<R, A>>, LedgerError> {
        let mut select =
            self.0.prepare_cached("SELECT request, answer FROM decided WHERE key = ?1 AND operation = ?2")?;
        let columns = |row: &Row<'_>| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, String>(1)?));
        let Some((request, answer)) = select.query_row((key.to_string(), operation), columns).optional()? else {
            return Ok(None);
        };
        let request = request.as_deref().map(serde_json::from_str).transpose()?;
        Ok(Some(Decided { request, answer: serde_json::from_str(&answer)? }))
    }

    /// From now on this is the answer under this key; `request` is what was asked for, if it was.
    pub(super) fn decide(
        &self,
        operation: &str,
        key: OrderId,
        request: Option<&impl Serialize>,
        answer: &impl Serialize,
    ) -> Result<(), LedgerError> {
        let request = request.map(serde_json::to_string).transpose()?;
        let answer = serde_json::to_string(answer)?;
        self.execute(
            "INSERT OR REPLACE INTO decided (key, operation, request, answer) VALUES (?1, ?2, ?3, ?4)",
            (key.to_string(), operation, request, answer),
        )?;
        Ok(())
    }

    /// Something really happened.
    pub(super) fn effect(&self, kind: &str, key: OrderId, amount: Option<Money>) -> rusqlite::Result<()> {
        self.execute(
            "INSERT INTO effects (key, kind, amount_minor, currency) VALUES (?1, ?2, ?3, ?4)",
            (
                key.to_string(),
                kind,
                amount.map(|amount| amount.minor),
                amount.map(|amount| String::from(amount.currency)),
            ),
        )
    }

    fn execute(&self, sql: &str, params: impl Params) -> rusqlite::Result<()> {
        self.0.prepare_cached(sql)?.execute(params).map(drop)
    }
}
