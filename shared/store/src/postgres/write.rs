//! What a transaction writes, and its commit.

use std::collections::HashMap;

use deadpool_postgres::ClientWrapper;
use futures::try_join;
use jiff::Timestamp;
use tokio_postgres::{Error, Statement, types::ToSql};
use uuid::Uuid;

use super::{
    keys, parked,
    transact::{Head, Open, Stopped},
};
use crate::{
    Committed, NewIntent, NewOutboxRow, OLD_SNAPSHOT_INTERVAL, OpenIntent, OutboxRow, SNAPSHOTS_KEPT, StoreError,
    StreamWrite, Writes, headers::pack,
};

/// A stream that is written, with its number.
type Numbered<'w> = (i64, &'w StreamWrite);

/// Writes everything and commits. All streams that are written are locked and at their versions.
///
/// One round trip, and one before it if there are new streams: the server does one statement after the other, and the
/// commit only if all before it were done.
pub(super) async fn and_commit(open: &Open, writes: Writes, announce: bool) -> Result<Committed, Stopped> {
    let streams = numbered(open, &writes).await?;
    let announce = announce && !(writes.outbox.is_empty() && writes.intents.is_empty());
    let (_, _, (), _, _, (), intents, outbox, (), ()) = try_join!(
        change(open, &streams),
        append(open, &streams),
        keep_snapshots(open, &streams),
        if_any(&writes.published, open, &open.statements.forget_published),
        answer(open, &writes),
        parked::write(open, &writes),
        open_intents(open, &writes.intents),
        put_out(open, &writes.outbox),
        open.client().batch_execute("COMMIT"),
        tell_others(open, announce),
    )?;
    Ok(Committed {
        outbox: (outbox + 1..).zip(writes.outbox).map(|(position, record)| OutboxRow { position, record }).collect(),
        intents: (intents + 1..)
            .zip(writes.intents)
            .map(|(position, intent)| OpenIntent { position, intent })
            .collect(),
    })
}

/// Forgets published rows without waiting for the disk: a crash that brings them back does no harm.
pub(super) async fn published_only(client: &mut ClientWrapper, positions: &[i64]) -> Result<(), StoreError> {
    let forget = client.prepare_cached("DELETE FROM outbox WHERE position = ANY($1)").await?;
    let transaction = client.transaction().await?;
    let forget_them: [&(dyn ToSql + Sync); 1] = [&positions];
    try_join!(
        transaction.batch_execute("SET LOCAL synchronous_commit = off"),
        transaction.execute(&forget, &forget_them),
    )?;
    Ok(transaction.commit().await?)
}

/// Executes a statement with an array, unless that is empty.
pub(super) async fn if_any<T: Sync>(values: &Vec<T>, open: &Open, statement: &Statement) -> Result<u64, Error>
where
    Vec<T>: ToSql,
{
    if values.is_empty() { Ok(0) } else { open.client().execute(statement, &[values]).await }
}

/// The leader is woken after the commit, in the same round trip: a notification inside of a transaction would make all
/// commits of the server wait for each other. It takes no harm if it fails: the leader looks now and then by itself.
async fn tell_others(open: &Open, announce: bool) -> Result<(), Error> {
    if announce {
        let _ = open.client().batch_execute(keys::NOTIFY).await;
    }
    Ok(())
}

/// Makes the new streams, and gives all with their numbers.
async fn numbered<'w>(open: &Open, writes: &'w Writes) -> Result<Vec<Numbered<'w>>, Stopped> {
    let (mut new, mut numbered) = (Vec::new(), Vec::new());
    for write in writes.streams.iter().filter(|write| !write.events.is_empty()) {
        match open.locked.get(&write.stream) {
            Some(Some(Head { id, .. })) => numbered.push((*id, write)),
            _ => new.push(write),
        }
    }
    if !new.is_empty() {
        new.sort_unstable_by(|one, other| one.stream.cmp(&other.stream));
        numbered.extend(create(open, &new).await?);
    }
    Ok(numbered)
}

async fn create<'w>(open: &Open, new: &[&'w StreamWrite]) -> Result<Vec<Numbered<'w>>, Stopped> {
    let names: Vec<_> = new.iter().map(|write| write.stream.as_str()).collect();
    let categories: Vec<_> = new.iter().map(|write| write.stream.category()).collect();
    let versions: Vec<_> = new.iter().map(|write| signed(write.version())).collect();
    let snapshots: Vec<_> = new.iter().map(|write| snapshot_version(write).unwrap_or(0)).collect();
    let statuses: Vec<_> = new.iter().map(|write| write.status).collect();
    let correlations: Vec<Uuid> = new.iter().map(|write| write.events[0].correlation_id.0).collect();
    let traces: Vec<_> = new.iter().map(|write| write.trace.as_str()).collect();
    let dues: Vec<_> = new.iter().map(|write| write.due).collect();
    let rows = open
        .client()
        .query(
            &open.statements.create,
            &[&names, &categories, &versions, &snapshots, &statuses, &correlations, &traces, &dues],
        )
        .await?;
    let ids: HashMap<&str, i64> =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?;
    let id = |write: &&'w StreamWrite| match ids.get(write.stream.as_str()) {
        Some(id) => Ok((*id, *write)),
        // Another transaction has begun it meanwhile.
        None => Err(Stopped::InTheWay(write.conflict())),
    };
    new.iter().map(id).collect()
}

async fn change(open: &Open, streams: &[Numbered<'_>]) -> Result<u64, Error> {
    let old: Vec<_> = streams.iter().map(|(_, write)| *write).filter(|write| write.expected_version > 0).collect();
    let names: Vec<_> = old.iter().map(|write| write.stream.as_str()).collect();
    let versions: Vec<_> = old.iter().map(|write| signed(write.version())).collect();
    let snapshots: Vec<_> = old.iter().map(|write| snapshot_version(write)).collect();
    let statuses: Vec<_> = old.iter().map(|write| write.status).collect();
    let dues: Vec<_> = old.iter().map(|write| write.due).collect();
    if old.is_empty() {
        return Ok(0);
    }
    open.client().execute(&open.statements.change, &[&names, &versions, &snapshots, &statuses, &dues]).await
}

async fn append(open: &Open, streams: &[Numbered<'_>]) -> Result<u64, Error> {
    let events = || streams.iter().flat_map(|(_, write)| &write.events);
    let places = streams
        .iter()
        .flat_map(|(id, write)| (write.expected_version + 1..).map(move |v| (*id, signed(v))).take(write.events.len()));
    let (ids, versions): (Vec<i64>, Vec<i64>) = places.unzip();
    let event_ids: Vec<Uuid> = events().map(|event| event.id.0).collect();
    let names: Vec<_> = events().map(|event| event.name).collect();
    let schemas: Vec<_> = events().map(|event| event.schema).collect();
    let data: Vec<_> = events().map(|event| event.data.as_str()).collect();
    let times: Vec<Timestamp> = events().map(|event| event.time).collect();
    let correlations: Vec<Uuid> = events().map(|event| event.correlation_id.0).collect();
    let causations: Vec<Option<Uuid>> = events().map(|event| event.causation_id.map(|id| id.0)).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    open.client()
        .execute(
            &open.statements.append,
            &[&ids, &versions, &event_ids, &names, &schemas, &data, &times, &correlations, &causations],
        )
        .await
}

async fn keep_snapshots(open: &Open, streams: &[Numbered<'_>]) -> Result<(), Error> {
    let kept = || streams.iter().filter_map(|(id, write)| Some((*id, write.snapshot.as_ref()?)));
    let ids: Vec<i64> = kept().map(|(id, _)| id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let versions: Vec<_> = kept().map(|(_, snapshot)| signed(snapshot.version)).collect();
    let times: Vec<_> = kept().map(|(_, snapshot)| snapshot.time).collect();
    let states: Vec<_> = kept().map(|(_, snapshot)| snapshot.state.as_str()).collect();
    let (newest, interval) = (signed(SNAPSHOTS_KEPT as u64), signed(OLD_SNAPSHOT_INTERVAL));
    let keep: [&(dyn ToSql + Sync); 4] = [&ids, &versions, &times, &states];
    let thin: [&(dyn ToSql + Sync); 3] = [&ids, &newest, &interval];
    try_join!(
        open.client().execute(&open.statements.keep_snapshots, &keep),
        open.client().execute(&open.statements.thin_snapshots, &thin),
    )?;
    Ok(())
}

async fn answer(open: &Open, writes: &Writes) -> Result<u64, Error> {
    let events: Vec<Uuid> = writes.answered.iter().map(|event| event.0).collect();
    if_any(&events, open, &open.statements.answer).await
}

/// Gives the position before the first.
async fn open_intents(open: &Open, intents: &[NewIntent]) -> Result<i64, Error> {
    if intents.is_empty() {
        return Ok(0);
    }
    let events: Vec<Uuid> = intents.iter().map(|intent| intent.event_id.0).collect();
    let bodies: Vec<_> = intents.iter().map(|intent| intent.body.as_str()).collect();
    open.client().query_one(&open.statements.open_intents, &[&events, &bodies]).await?.try_get(0)
}

/// Gives the position before the first.
async fn put_out(open: &Open, records: &[NewOutboxRow]) -> Result<i64, Error> {
    if records.is_empty() {
        return Ok(0);
    }
    let topics: Vec<_> = records.iter().map(|record| record.topic.as_str()).collect();
    let keys: Vec<_> = records.iter().map(|record| record.key.as_deref()).collect();
    let headers: Vec<_> = records.iter().map(|record| pack(&record.headers)).collect();
    let payloads: Vec<_> = records.iter().map(|record| &*record.payload).collect();
    let now = Timestamp::now();
    open.client().query_one(&open.statements.put_out, &[&topics, &keys, &headers, &payloads, &now]).await?.try_get(0)
}

fn snapshot_version(write: &StreamWrite) -> Option<i64> {
    write.snapshot.as_ref().map(|snapshot| signed(snapshot.version))
}

/// A number as PostgreSQL has it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("nobody counts so far")
}
