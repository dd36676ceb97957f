//! The one transaction: inbox, load, decide, append, outbox, commit.
//!
//! What a transaction needs is locked until its end, so that transactions of several instances follow one another where
//! they meet. All lock in one order: messages, then streams by name, then new streams by name, then the positions of the
//! outbox. A stream that turns out to be needed late, out of order, is not waited for: if another transaction has it, this
//! one starts over, and begins by locking all streams that it knows of. So nobody waits in a circle, and each start
//! gets further than the one before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use deadpool_postgres::{ClientWrapper, Object, Pool};
use decider::StreamId;
use futures::try_join;
use jiff::Timestamp;
use tokio_postgres::{Row, error::SqlState, types::ToSql};
use uuid::Uuid;

use super::{read, statements::Statements, write};
use crate::{
    Committed, Loaded, ProcessedMessages, Snapshot, Step, StoreError, StoredEvent, StoredStream, StreamRequest,
    Transaction, Writes,
};

/// How often a transaction starts over because of others before it is told that it failed.
const STARTS_MAX: usize = 20;

/// Why a transaction did not come to its end.
pub(super) enum Stopped {
    /// Another transaction was in the way. It starts over.
    InTheWay(StoreError),
    /// It failed, or asked for its end.
    Failed(StoreError),
}

impl From<tokio_postgres::Error> for Stopped {
    fn from(error: tokio_postgres::Error) -> Self {
        let in_the_way =
            [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
        if error.code().is_some_and(|code| in_the_way.contains(code)) {
            Self::InTheWay(error.into())
        } else {
            Self::Failed(error.into())
        }
    }
}

/// Runs a transaction until it is through. `announce`: whether others want to know of its outbox rows and intents.
pub(super) async fn transact<T: Transaction>(
    pool: &Pool,
    transaction: &mut T,
    announce: bool,
) -> Result<Committed, StoreError> {
    let mut known = BTreeSet::new();
    let mut starts = 0;
    loop {
        starts += 1;
        let mut open = Open::begin(pool).await?;
        let stopped = match run(&mut open, transaction, &known, announce).await {
            Ok(committed) => {
                open.end();
                return Ok(committed);
            }
            Err(stopped) => stopped,
        };
        known.append(&mut open.wanted);
        open.roll_back().await;
        match stopped {
            Stopped::InTheWay(_) if starts < STARTS_MAX => {}
            Stopped::InTheWay(error) | Stopped::Failed(error) => return Err(error),
        }
    }
}

async fn run<T: Transaction>(
    open: &mut Open,
    transaction: &mut T,
    known: &BTreeSet<StreamId>,
    announce: bool,
) -> Result<Committed, Stopped> {
    let mut loaded = open.receive(transaction).await?;
    open.lock(known.iter()).await?;
    let writes = loop {
        match transaction.step(loaded).map_err(|_| Stopped::Failed(StoreError::Restart))? {
            Step::Write(writes) => break writes,
            Step::Load(streams) => loaded = Loaded { streams: open.load(streams).await?, ..Loaded::default() },
        }
    };
    open.claim(&writes).await?;
    transaction.commits(&mut writes.outbox.iter());
    write::and_commit(open, writes, announce).await
}

/// A transaction that has begun. Dropped before its end, its connection is closed, and so nothing of it stays.
pub(super) struct Open {
    connection: Option<Object>,
    pub(super) statements: Statements,
    /// The streams that nobody else writes to now: what is known of each, if it exists.
    pub(super) locked: BTreeMap<StreamId, Option<Head>>,
    /// These, and those that another transaction has.
    wanted: BTreeSet<StreamId>,
}

/// A stream's row in `streams`.
pub(super) struct Head {
    pub(super) id: i64,
    version: u64,
    correlation: Uuid,
    trace: String,
}

impl Open {
    async fn begin(pool: &Pool) -> Result<Self, StoreError> {
        let connection = pool.get().await?;
        let statements = Statements::of(&connection).await?;
        Ok(Self { connection: Some(connection), statements, locked: BTreeMap::new(), wanted: BTreeSet::new() })
    }

    pub(super) fn client(&self) -> &ClientWrapper {
        self.connection.as_deref().expect("it is there until the end")
    }

    /// After the commit.
    fn end(mut self) {
        self.connection = None;
    }

    async fn roll_back(mut self) {
        if self.client().batch_execute("ROLLBACK").await.is_ok() {
            self.connection = None;
        }
    }

    /// Begins, and records the messages. Who has some of them too, and came second, waits for the end of the first.
    async fn receive(&self, transaction: &mut impl Transaction) -> Result<Loaded, Stopped> {
        let mut messages = transaction.messages();
        messages.sort_unstable();
        let (client, now) = (self.client(), Timestamp::now());
        let received = async {
            if messages.is_empty() {
                return Ok(vec![]);
            }
            client.query(&self.statements.receive, &[&messages, &now]).await
        };
        let anything_parked = client.query_one(&self.statements.anything_parked, &[]);
        let ((), received, anything_parked) = try_join!(client.batch_execute("BEGIN"), received, anything_parked)?;
        let mut seen: ProcessedMessages = messages.iter().copied().collect();
        for row in received {
            seen.remove(&row.get(0));
        }
        let mut loaded = Loaded { seen, ..Loaded::default() };
        if anything_parked.get(0) {
            let orders: Vec<Uuid> = transaction.ordering_keys().iter().map(|order| order.0).collect();
            let held = client.query(&self.statements.held, &[&orders]).await?;
            loaded.held = held.iter().map(|row| contracts::OrderId(row.get(0))).collect();
        }
        Ok(loaded)
    }

    async fn lock(&mut self, streams: impl Iterator<Item = &StreamId>) -> Result<(), Stopped> {
        let wanted = self.want(streams);
        if !wanted.is_empty() {
            let rows = self.query_locked(&wanted).await?;
            self.remember(wanted, &rows);
        }
        Ok(())
    }

    /// Locks streams and reads them.
    async fn load(&mut self, streams: Vec<StreamRequest>) -> Result<Vec<(StreamId, StoredStream)>, Stopped> {
        let wanted = self.want(streams.iter().map(|wanted| &wanted.stream));
        let client = self.client();
        let names: Vec<_> = streams.iter().map(|wanted| wanted.stream.as_str()).collect();
        let known: Vec<_> = streams.iter().map(|wanted| write::signed(wanted.known)).collect();
        let unknown = streams.iter().filter(|wanted| wanted.known == 0);
        let unknown: Vec<_> = unknown.map(|wanted| wanted.stream.as_str()).collect();
        // Each statement sees what was committed before it began; so these two see all that the first has waited for.
        let news: [&(dyn ToSql + Sync); 2] = [&names, &known];
        let events = client.query(&self.statements.events_since, &news);
        let snapshots = async {
            if unknown.is_empty() {
                return Ok(vec![]);
            }
            client.query(&self.statements.latest_snapshots, &[&unknown]).await
        };
        let locked = async { if wanted.is_empty() { Ok(vec![]) } else { self.query_locked(&wanted).await } };
        let (locked, snapshots, events) = try_join!(locked, snapshots, events)?;
        self.remember(wanted, &locked);

        let mut snapshots: HashMap<i64, Snapshot> = snapshots
            .iter()
            .map(|row| {
                let (version, time) = (read::unsigned(row, 1)?, row.try_get(2)?);
                Ok((row.try_get(0)?, Snapshot { version, time, state: row.try_get(3)? }))
            })
            .collect::<Result<_, tokio_postgres::Error>>()?;
        let mut events = by_stream(&events)?;
        let mut stored = |StreamRequest { stream, .. }: StreamRequest| {
            let head = self.locked.get(&stream).and_then(Option::as_ref);
            let stored = head.map(|head| StoredStream {
                version: head.version,
                correlation_id: Some(contracts::CorrelationId(head.correlation)),
                trace: head.trace.clone(),
                snapshot: snapshots.remove(&head.id),
                events: events.remove(&head.id).unwrap_or_default(),
            });
            (stream, stored.unwrap_or_default())
        };
        Ok(streams.into_iter().map(&mut stored).collect())
    }

    /// Sees to it that what is to be written is locked, and at the version that it was decided on.
    async fn claim(&mut self, writes: &Writes) -> Result<(), Stopped> {
        let streams = || writes.streams.iter().filter(|write| !write.events.is_empty());
        self.lock(streams().map(|write| &write.stream)).await?;
        for write in streams() {
            let head = self.locked.get(&write.stream).and_then(Option::as_ref);
            if head.map_or(0, |head| head.version) != write.expected_version {
                return Err(Stopped::Failed(write.conflict()));
            }
        }
        Ok(())
    }

    /// Those of the streams that are not locked yet, in order, each once.
    fn want<'s>(&mut self, streams: impl Iterator<Item = &'s StreamId>) -> Vec<StreamId> {
        let wanted: BTreeSet<_> = streams.filter(|stream| !self.locked.contains_key(stream)).cloned().collect();
        self.wanted.extend(wanted.iter().cloned());
        wanted.into_iter().collect()
    }

    async fn query_locked(&self, wanted: &[StreamId]) -> Result<Vec<Row>, tokio_postgres::Error> {
        let in_order = self.locked.last_key_value().is_none_or(|(last, _)| *last < wanted[0]);
        let lock = if in_order { &self.statements.lock } else { &self.statements.try_lock };
        let names: Vec<_> = wanted.iter().map(StreamId::as_str).collect();
        self.client().query(lock, &[&names]).await
    }

    fn remember(&mut self, wanted: Vec<StreamId>, rows: &[Row]) {
        self.locked.extend(wanted.into_iter().map(|stream| (stream, None)));
        for row in rows {
            let head = Head {
                id: row.get(0),
                version: row.get::<_, i64>(2).unsigned_abs(),
                correlation: row.get(3),
                trace: row.get(4),
            };
            if let Some(stream) = StreamId::parse(row.get(1)) {
                self.locked.insert(stream, Some(head));
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

/// Events in order, by their streams' numbers.
fn by_stream(rows: &[Row]) -> Result<HashMap<i64, Vec<StoredEvent>>, tokio_postgres::Error> {
    let mut streams: HashMap<i64, Vec<StoredEvent>> = HashMap::new();
    for row in rows {
        streams.entry(row.try_get(8)?).or_default().push(read::event(row)?);
    }
    Ok(streams)
}
