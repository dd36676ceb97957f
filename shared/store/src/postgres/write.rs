//! The writes of a transaction and its commit.

use std::collections::HashMap;

use deadpool_postgres::ClientWrapper;
use futures::try_join;
use jiff::Timestamp;
use tokio_postgres::{Error, types::ToSql};
use uuid::Uuid;

use super::{
    convert::signed,
    keys,
    open_transaction::{Aborted, Head, OpenTransaction},
    parked, read_positions,
};
use crate::{
    Committed, NewIntent, NewOutboxRow, OLD_SNAPSHOT_INTERVAL, OpenIntent, OutboxRow, SNAPSHOTS_KEPT, StoreError,
    StreamWrite, Writes, headers::pack,
};

/// A stream write with the number of its stream.
type Numbered<'w> = (i64, &'w StreamWrite);

/// Writes everything and commits. All written streams are locked and at their expected versions.
///
/// Takes one round trip, and another before it if there are new streams: the server executes the statements in order and
/// commits only if all of them succeed.
pub(super) async fn and_commit(
    open: &OpenTransaction,
    writes: Writes,
    notify_leader: bool,
) -> Result<Committed, Aborted> {
    let streams = numbered(open, &writes).await?;
    let notify_leader = notify_leader && !(writes.outbox.is_empty() && writes.intents.is_empty());
    let (_, _, (), _, _, (), (), intents, outbox, (), ()) = try_join!(
        update(open, &streams),
        append(open, &streams),
        insert_snapshots(open, &streams),
        open.execute_if_any(&writes.published, &open.statements.delete_published),
        close_intents(open, &writes),
        parked::write(open, &writes),
        // Boxed, because the future of the transaction is large.
        Box::pin(read_positions::write(open, &writes.read_positions)),
        open_intents(open, &writes.intents),
        insert_outbox(open, &writes.outbox),
        open.client().batch_execute("COMMIT"),
        notify(open, notify_leader),
    )?;
    Ok(Committed {
        outbox: (outbox + 1..).zip(writes.outbox).map(|(position, record)| OutboxRow { position, record }).collect(),
        intents: (intents + 1..)
            .zip(writes.intents)
            .map(|(position, intent)| OpenIntent { position, intent })
            .collect(),
    })
}

/// Deletes published rows without waiting for the disk: a crash that restores them does no harm.
pub(super) async fn delete_published(client: &mut ClientWrapper, positions: &[i64]) -> Result<(), StoreError> {
    let delete = client.prepare_cached("DELETE FROM outbox WHERE position = ANY($1)").await?;
    let transaction = client.transaction().await?;
    let parameters: [&(dyn ToSql + Sync); 1] = [&positions];
    try_join!(
        transaction.batch_execute("SET LOCAL synchronous_commit = off"),
        transaction.execute(&delete, &parameters),
    )?;
    Ok(transaction.commit().await?)
}

/// Wakes the leader after the commit, in the same round trip: a notification inside a transaction would serialize all commits
/// of the server. A failure does no harm, because the leader also polls.
async fn notify(open: &OpenTransaction, notify_leader: bool) -> Result<(), Error> {
    if notify_leader {
        let _ = open.client().batch_execute(keys::NOTIFY).await;
    }
    Ok(())
}

/// Creates the new streams and returns all writes with the numbers of their streams.
async fn numbered<'w>(open: &OpenTransaction, writes: &'w Writes) -> Result<Vec<Numbered<'w>>, Aborted> {
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

async fn create<'w>(open: &OpenTransaction, new: &[&'w StreamWrite]) -> Result<Vec<Numbered<'w>>, Aborted> {
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
        // Another transaction has created the stream in the meantime.
        None => Err(Aborted::LockConflict(write.conflict())),
    };
    new.iter().map(id).collect()
}

async fn update(open: &OpenTransaction, streams: &[Numbered<'_>]) -> Result<u64, Error> {
    let old: Vec<_> = streams.iter().map(|(_, write)| *write).filter(|write| write.expected_version > 0).collect();
    let names: Vec<_> = old.iter().map(|write| write.stream.as_str()).collect();
    let versions: Vec<_> = old.iter().map(|write| signed(write.version())).collect();
    let snapshots: Vec<_> = old.iter().map(|write| snapshot_version(write)).collect();
    let statuses: Vec<_> = old.iter().map(|write| write.status).collect();
    let dues: Vec<_> = old.iter().map(|write| write.due).collect();
    if old.is_empty() {
        return Ok(0);
    }
    open.client().execute(&open.statements.update, &[&names, &versions, &snapshots, &statuses, &dues]).await
}

async fn append(open: &OpenTransaction, streams: &[Numbered<'_>]) -> Result<u64, Error> {
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

async fn insert_snapshots(open: &OpenTransaction, streams: &[Numbered<'_>]) -> Result<(), Error> {
    let snapshots = || streams.iter().filter_map(|(id, write)| Some((*id, write.snapshot.as_ref()?)));
    let ids: Vec<i64> = snapshots().map(|(id, _)| id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let versions: Vec<_> = snapshots().map(|(_, snapshot)| signed(snapshot.version)).collect();
    let times: Vec<_> = snapshots().map(|(_, snapshot)| snapshot.time).collect();
    let states: Vec<_> = snapshots().map(|(_, snapshot)| snapshot.state.as_str()).collect();
    let (newest, interval) = (signed(SNAPSHOTS_KEPT as u64), signed(OLD_SNAPSHOT_INTERVAL));
    let insert: [&(dyn ToSql + Sync); 4] = [&ids, &versions, &times, &states];
    let thin: [&(dyn ToSql + Sync); 3] = [&ids, &newest, &interval];
    try_join!(
        open.client().execute(&open.statements.insert_snapshots, &insert),
        open.client().execute(&open.statements.thin_snapshots, &thin),
    )?;
    Ok(())
}

async fn close_intents(open: &OpenTransaction, writes: &Writes) -> Result<u64, Error> {
    let events: Vec<Uuid> = writes.answered.iter().map(|event| event.0).collect();
    open.execute_if_any(&events, &open.statements.close_intents).await
}

/// Returns the position before the first.
async fn open_intents(open: &OpenTransaction, intents: &[NewIntent]) -> Result<i64, Error> {
    if intents.is_empty() {
        return Ok(0);
    }
    let events: Vec<Uuid> = intents.iter().map(|intent| intent.event_id.0).collect();
    let bodies: Vec<_> = intents.iter().map(|intent| intent.body.as_str()).collect();
    open.client().query_one(&open.statements.open_intents, &[&events, &bodies]).await?.try_get(0)
}

/// Returns the position before the first.
async fn insert_outbox(open: &OpenTransaction, records: &[NewOutboxRow]) -> Result<i64, Error> {
    if records.is_empty() {
        return Ok(0);
    }
    let topics: Vec<_> = records.iter().map(|record| record.topic.as_str()).collect();
    let keys: Vec<_> = records.iter().map(|record| record.key.as_deref()).collect();
    let headers: Vec<_> = records.iter().map(|record| pack(&record.headers)).collect();
    let payloads: Vec<_> = records.iter().map(|record| &*record.payload).collect();
    let now = Timestamp::now();
    open.client()
        .query_one(&open.statements.insert_outbox, &[&topics, &keys, &headers, &payloads, &now])
        .await?
        .try_get(0)
}

fn snapshot_version(write: &StreamWrite) -> Option<i64> {
    write.snapshot.as_ref().map(|snapshot| signed(snapshot.version))
}
