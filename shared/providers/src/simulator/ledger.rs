//! The ledger of a simulated provider, as the provider writes it.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};
use tokio::sync::oneshot;

use super::{
    connection::{self, LedgerError},
    faults::FaultProfile,
    ledger_tx::LedgerTx,
};

/// Sends a caller the outcome of the commit of its work.
type Completion = Box<dyn FnOnce(Result<(), &str>)>;
type QueuedWork = Box<dyn FnOnce(&LedgerTx<'_>) -> Completion + Send>;

/// The ledger of one provider. Work that has arrived in the meantime is committed together, as in real databases.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    connection: Arc<Mutex<Connection>>,
    queue: Arc<Mutex<WriteQueue>>,
}

/// Work that waits for the writer. Every item has a waiting caller, so the queue is bounded by the number of callers.
#[derive(Default)]
struct WriteQueue {
    waiting: Vec<QueuedWork>,
    is_draining: bool,
}

impl fmt::Debug for WriteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waiting", self.waiting.len())
    }
}

impl FaultProfile {
    /// Applies this profile to the provider that owns the ledger, in every process that simulates it, until another profile
    /// is injected. It overrides the profile with which the simulator was opened.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn inject(self, ledger: &Path) -> Result<(), LedgerError> {
        Ledger::open(ledger)?.set_fault_profile(self)
    }
}

impl Ledger {
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { connection: Arc::new(Mutex::new(connection::open(path)?)), queue: Arc::default() })
    }

    /// Runs `work` in a write transaction, possibly together with other work. An error rolls back this work only.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LedgerTx<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let (reply, result) = oneshot::channel();
        let work: QueuedWork = Box::new(move |ledger| {
            let done = ledger.with_savepoint(work);
            // The caller may have been dropped.
            Box::new(move |committed: Result<(), &str>| {
                let _ = reply.send(committed.map_err(|error| LedgerError::Commit(error.to_owned())).and(done));
            })
        });
        self.submit(work);
        result.await.map_err(|_| LedgerError::Aborted)?
    }

    fn submit(&self, work: QueuedWork) {
        let mut queue = lock(&self.queue);
        queue.waiting.push(work);
        if !std::mem::replace(&mut queue.is_draining, true) {
            let ledger = self.clone();
            drop(tokio::task::spawn_blocking(move || ledger.drain_queue()));
        }
    }

    fn drain_queue(&self) {
        let mut connection = lock(&self.connection);
        loop {
            let mut queue = lock(&self.queue);
            if queue.waiting.is_empty() {
                queue.is_draining = false;
                return;
            }
            let work = std::mem::take(&mut queue.waiting);
            drop(queue);
            // After a panic the callers find their replies dropped, and the queue must still be drained.
            let _ = catch_unwind(AssertUnwindSafe(|| commit_together(&mut connection, work)));
        }
    }

    /// The injected fault profile, if any.
    pub(super) fn fault_profile(&self) -> Result<Option<FaultProfile>, LedgerError> {
        let connection = lock(&self.connection);
        let mut select = connection.prepare_cached("SELECT latency_ms, failing_percent, lost_percent FROM trouble")?;
        let profile = |row: &Row<'_>| {
            let latency = Duration::from_millis(row.get(0)?);
            Ok(FaultProfile { latency, failing_percent: row.get(1)?, lost_percent: row.get(2)? })
        };
        Ok(select.query_row((), profile).optional()?)
    }

    fn set_fault_profile(&self, profile: FaultProfile) -> Result<(), LedgerError> {
        let latency_ms = u64::try_from(profile.latency.as_millis()).unwrap_or(u64::MAX);
        let row = (latency_ms, profile.failing_percent, profile.lost_percent);
        let connection = lock(&self.connection);
        connection.execute("INSERT OR REPLACE INTO trouble VALUES (0, ?1, ?2, ?3)", row)?;
        Ok(())
    }
}

/// Ignores poisoning, because a panic in any work rolled its transaction back.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn commit_together(connection: &mut Connection, work: Vec<QueuedWork>) {
    let mut completions = Vec::with_capacity(work.len());
    // Immediate: a transaction that starts with a read could not wait for another process when it has to write.
    let commit = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
        completions.extend(work.into_iter().map(|work| work(&LedgerTx::new(&transaction))));
        transaction.commit()
    });
    let committed = commit.map_err(|error| error.to_string());
    for complete in completions {
        complete(committed.as_ref().copied().map_err(String::as_str));
    }
}
