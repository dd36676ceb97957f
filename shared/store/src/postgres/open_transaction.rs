//! A transaction in progress: its connection, its locks and what it has read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use deadpool_postgres::{ClientWrapper, Object, Pool};
use decider::StreamId;
use futures::{join, try_join};
use tokio_postgres::{Error, Row, Statement, error::SqlState, types::ToSql};

use super::{
    convert::{signed, unsigned},
    read,
    statements::Statements,
};
use crate::{Head, Loaded, Snapshot, StoreError, StoredEvent, StoredStream, StreamRequest, Transaction, Writes};

/// Reasons why a transaction was not committed.
pub(super) enum Aborted {
    /// Another transaction holds a lock. This one restarts.
    LockConflict(StoreError),
    /// The transaction failed or requested a restart by its caller.
    Failed(StoreError),
}

impl From<tokio_postgres::Error> for Aborted {
    fn from(error: tokio_postgres::Error) -> Self {
        let conflicts =
            [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
        if error.code().is_some_and(|code| conflicts.contains(code)) {
            Self::LockConflict(error.into())
        } else {
            Self::Failed(error.into())
        }
    }
}

/// A transaction in progress. Dropping it before its end closes its connection, which rolls it back.
pub(super) struct OpenTransaction {
    connection: Option<Object>,
    pub(super) statements: Statements,
    /// Rows of the locked streams; `None` for a stream that does not exist.
    pub(super) locked: BTreeMap<StreamId, Option<StreamRow>>,
    /// All requested streams, including those that another transaction holds.
    pub(super) requested: BTreeSet<StreamId>,
}

/// A row of the table `streams`.
pub(super) struct StreamRow {
    pub(super) id: i64,
    version: u64,
    head: Head,
}

impl OpenTransaction {
    pub(super) async fn begin(pool: &Pool) -> Result<Self, StoreError> {
        let connection = pool.get().await?;
        let statements = Statements::of(&connection).await?;
        Ok(Self { connection: Some(connection), statements, locked: BTreeMap::new(), requested: BTreeSet::new() })
    }

    pub(super) fn client(&self) -> &ClientWrapper {
        self.connection.as_deref().expect("present until the end of the transaction")
    }

    /// Executes a statement with an array unless the array is empty.
    pub(super) async fn execute_if_any<T: Sync>(&self, values: &Vec<T>, statement: &Statement) -> Result<u64, Error>
    where
        Vec<T>: ToSql,
    {
        if values.is_empty() { Ok(0) } else { self.client().execute(statement, &[values]).await }
    }

    /// Returns the connection to the pool after the commit.
    pub(super) fn end(mut self) {
        self.connection = None;
    }

    pub(super) async fn roll_back(mut self) {
        if self.client().batch_execute("ROLLBACK").await.is_ok() {
            self.connection = None;
        }
    }

    /// Begins, and looks up the records of the transaction.
    pub(super) async fn start(
        &self,
        transaction: &mut impl Transaction,
        has_old_inbox: bool,
    ) -> Result<Loaded, Aborted> {
        transaction.begin();
        let client = self.client();
        let ((), any) = try_join!(client.batch_execute("BEGIN"), client.query_one(&self.statements.any_waiting, &[]))?;
        let (any_parked, any_dead_letters): (bool, bool) = (any.try_get(0)?, any.try_get(1)?);
        let mut loaded = Loaded::default();
        if any_parked {
            let blocked = client.query(&self.statements.blocked_keys, &[&transaction.ordering_keys()]).await?;
            loaded.blocked_keys = blocked.iter().map(|row| row.get(0)).collect();
        }
        let messages = if any_dead_letters || has_old_inbox { transaction.messages() } else { Vec::new() };
        let find = async |is_possible, statement| {
            if is_possible { client.query(statement, &[&messages]).await } else { Ok(vec![]) }
        };
        let (open, processed) = try_join!(
            find(any_dead_letters, &self.statements.open_dead_letters),
            find(has_old_inbox, &self.statements.in_old_inbox),
        )?;
        loaded.dead_letters = open.iter().map(|row| row.get(0)).collect();
        loaded.old_inbox = processed.iter().map(|row| row.get(0)).collect();
        Ok(loaded)
    }

    pub(super) async fn lock(&mut self, streams: impl Iterator<Item = &StreamId>) -> Result<(), Aborted> {
        let unlocked = self.request(streams);
        if !unlocked.is_empty() {
            let rows = self.query_locked(&unlocked).await?;
            self.add_locked(unlocked, &rows)?;
        }
        Ok(())
    }

    /// Locks and reads streams.
    pub(super) async fn load(&mut self, streams: Vec<StreamRequest>) -> Result<Vec<(StreamId, StoredStream)>, Aborted> {
        let unlocked = self.request(streams.iter().map(|request| &request.stream));
        let client = self.client();
        let names: Vec<_> = streams.iter().map(|request| request.stream.as_str()).collect();
        // The statement reads from the latest snapshot on if nothing is known, which 0 stands for.
        let known = |request: &StreamRequest| if request.skip_snapshot { -1 } else { signed(request.known) };
        let known: Vec<_> = streams.iter().map(known).collect();
        let unknown = streams.iter().filter(|request| request.known == 0 && !request.skip_snapshot);
        let unknown: Vec<_> = unknown.map(|request| request.stream.as_str()).collect();
        // Each statement sees all commits before its start, so the reads see the commits that the lock has waited for.
        let parameters: [&(dyn ToSql + Sync); 2] = [&names, &known];
        let events = client.query(&self.statements.events_since, &parameters);
        let snapshots = async {
            if unknown.is_empty() {
                return Ok(vec![]);
            }
            client.query(&self.statements.latest_snapshots, &[&unknown]).await
        };
        let locked = async { if unlocked.is_empty() { Ok(vec![]) } else { self.query_locked(&unlocked).await } };
        // A lock that fails aborts the transaction, so the statements after it fail too: the first error is the cause.
        let (locked, snapshots, events) = join!(locked, snapshots, events);
        let (locked, snapshots, events) = (locked?, snapshots?, events?);
        self.add_locked(unlocked, &locked)?;

        let mut snapshots: HashMap<i64, Snapshot> = snapshots
            .iter()
            .map(|row| {
                let (version, time) = (unsigned(row, 1)?, row.try_get(2)?);
                Ok((row.try_get(0)?, Snapshot { version, time, state: row.try_get(3)? }))
            })
            .collect::<Result<_, tokio_postgres::Error>>()?;
        let mut events = by_stream(&events)?;
        let mut stored = |StreamRequest { stream, .. }: StreamRequest| {
            let row = self.locked.get(&stream).and_then(Option::as_ref);
            let stored = row.map(|row| StoredStream {
                version: row.version,
                head: Some(row.head.clone()),
                snapshot: snapshots.remove(&row.id),
                events: events.remove(&row.id).unwrap_or_default(),
            });
            (stream, stored.unwrap_or_default())
        };
        Ok(streams.into_iter().map(&mut stored).collect())
    }

    /// Ensures that all streams to write are locked and at the version on which the decision was based.
    pub(super) async fn claim(&mut self, writes: &Writes) -> Result<(), Aborted> {
        self.lock(writes.streams.iter().map(|write| &write.stream)).await?;
        for write in &writes.streams {
            let row = self.locked.get(&write.stream).and_then(Option::as_ref);
            if row.is_none() != write.is_new || row.map_or(0, |row| row.version) != write.expected_version {
                return Err(Aborted::Failed(write.conflict()));
            }
        }
        Ok(())
    }

    /// Returns the streams that are not locked yet, in order and without duplicates.
    fn request<'s>(&mut self, streams: impl Iterator<Item = &'s StreamId>) -> Vec<StreamId> {
        let unlocked: BTreeSet<_> = streams.filter(|stream| !self.locked.contains_key(stream)).cloned().collect();
        self.requested.extend(unlocked.iter().cloned());
        unlocked.into_iter().collect()
    }

    async fn query_locked(&self, streams: &[StreamId]) -> Result<Vec<Row>, tokio_postgres::Error> {
        let in_order = self.locked.last_key_value().is_none_or(|(last, _)| *last < streams[0]);
        let lock = if in_order { &self.statements.lock } else { &self.statements.try_lock };
        let names: Vec<_> = streams.iter().map(StreamId::as_str).collect();
        self.client().query(lock, &[&names]).await
    }

    fn add_locked(&mut self, streams: Vec<StreamId>, rows: &[Row]) -> Result<(), Error> {
        self.locked.extend(streams.into_iter().map(|stream| (stream, None)));
        for row in rows {
            if let Some(stream) = StreamId::parse(row.try_get(1)?) {
                let (version, head) = read::head(row, 2)?;
                self.locked.insert(stream, Some(StreamRow { id: row.try_get(0)?, version, head }));
            }
        }
        Ok(())
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

/// Groups ordered events by the number of their stream.
fn by_stream(rows: &[Row]) -> Result<HashMap<i64, Vec<StoredEvent>>, tokio_postgres::Error> {
    let mut streams: HashMap<i64, Vec<StoredEvent>> = HashMap::new();
    for row in rows {
        streams.entry(row.try_get(11)?).or_default().push(read::event(row)?);
    }
    Ok(streams)
}
