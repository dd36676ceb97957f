//! The transaction: load, decide, append, commit.
//!
//! A transaction locks its rows until its end, so that conflicting transactions of several instances are serialized. All of
//! them lock in the same sequence: streams by name, then new streams by name. A stream that is requested late and out of order
//! is not waited for: if another transaction holds it, this one restarts and first locks all streams that it knows of. This
//! rules out deadlock, and every attempt gets further than the previous one.

use std::collections::BTreeSet;

use deadpool_postgres::Pool;
use decider::StreamId;

use super::{
    open_transaction::{Aborted, OpenTransaction},
    write,
};
use crate::{Committed, Loaded, Step, StoreError, Transaction};

/// Maximum attempts of a transaction that conflicts with others.
const ATTEMPTS_MAX: usize = 20;

/// Runs a transaction until it is committed or fails. `notify_leader`: whether to report new events and intents.
/// `has_old_inbox`: whether an older version left messages that it has processed.
pub(super) async fn transact<T: Transaction>(
    pool: &Pool,
    transaction: &mut T,
    notify_leader: bool,
    has_old_inbox: bool,
) -> Result<Committed, StoreError> {
    let mut known = BTreeSet::new();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let mut open = OpenTransaction::begin(pool).await?;
        let aborted = match run(&mut open, transaction, &known, notify_leader, has_old_inbox).await {
            Ok(committed) => {
                open.end();
                return Ok(committed);
            }
            Err(aborted) => aborted,
        };
        known.append(&mut open.requested);
        open.roll_back().await;
        match aborted {
            Aborted::LockConflict(_) if attempts < ATTEMPTS_MAX => {}
            Aborted::LockConflict(error) | Aborted::Failed(error) => return Err(error),
        }
    }
}

async fn run<T: Transaction>(
    open: &mut OpenTransaction,
    transaction: &mut T,
    known: &BTreeSet<StreamId>,
    notify_leader: bool,
    has_old_inbox: bool,
) -> Result<Committed, Aborted> {
    let mut loaded = open.start(transaction, has_old_inbox).await?;
    open.lock(known.iter()).await?;
    let writes = loop {
        match transaction.step(loaded).map_err(|_| Aborted::Failed(StoreError::Restart))? {
            Step::Write(writes) => break writes,
            Step::Load(streams) => loaded = Loaded { streams: open.load(streams).await?, ..Loaded::default() },
        }
    };
    open.claim(&writes).await?;
    transaction.before_commit(&writes);
    // Boxed, because the future is large.
    Box::pin(write::and_commit(open, writes, notify_leader)).await
}
