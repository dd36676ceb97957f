//! The writes of a transaction and its commit.

use std::collections::HashMap;

use deadpool_postgres::ClientWrapper;
use futures::try_join;
use jiff::Timestamp;
use tokio_postgres::{Error, types::ToSql};
use uuid::Uuid;

use super::{
    convert::{signed, size},
    dead_letters, keys, log,
    open_transaction::{Aborted, OpenTransaction},
    parked, read_positions, replays,
    statements::Statements,
};
use crate::{
    Committed, NewIntent, OLD_SNAPSHOT_INTERVAL, SNAPSHOTS_KEPT, StoreError, StreamWrite, Writes,
    types::{event_numbers, positioned},
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
    let events: usize = writes.streams.iter().map(|write| write.events.len()).sum();
    if size(events) > log::BLOCK_LEN {
        return Err(Aborted::Failed(StoreError::TooManyEvents(events)));
    }
    let streams = numbered(open, &writes).await?;
    let numbers = event_numbers(&writes.streams, &writes.intents);
    let (_, block, ..) = try_join!(
        update(open, &streams),
        append(open, &streams),
        insert_snapshots(open, &streams),
        open.execute_if_any(&writes.answered, &open.statements.delete_intents),
        open_intents(open, &writes.intents, &numbers),
        advance_cursor(open, writes.cursor),
        dead_letters::write(open, &writes),
        replays::write(open, &writes.replays),
        parked::write(open, &writes),
        read_positions::write(open, &writes.read_positions),
        open.client().batch_execute("COMMIT"),
        notify(open, notify_leader && events > 0),
    )?;
    let range = block.map(log::range);
    let intents = positioned(range, &numbers, writes.intents);
    Ok(Committed { range, streams: writes.streams, intents })
}

/// Advances the cursor without waiting for the disk: a crash that restores an earlier one does no harm.
pub(super) async fn advance_cursor_alone(client: &mut ClientWrapper, position: i64) -> Result<(), StoreError> {
    let Statements { advance_cursor, .. } = Statements::of(client).await?;
    let transaction = client.transaction().await?;
    let parameters: [&(dyn ToSql + Sync); 1] = [&position];
    try_join!(
        transaction.batch_execute("SET LOCAL synchronous_commit = off"),
        transaction.execute(&advance_cursor, &parameters),
    )?;
    Ok(transaction.commit().await?)
}

async fn advance_cursor(open: &OpenTransaction, position: Option<i64>) -> Result<(), Error> {
    if let Some(position) = position {
        open.client().execute(&open.statements.advance_cursor, &[&position]).await?;
    }
    Ok(())
}

/// Wakes the leader after the commit, in the same round trip: a notification inside a transaction would serialize all commits
/// of the server. A failure does no harm, because the leader also polls.
async fn notify(open: &OpenTransaction, notify_leader: bool) -> Result<(), Error> {
    if notify_leader {
        let _ = open.client().batch_execute(keys::NOTIFY).await;
    }
    Ok(())
}

/// Creates the new streams and returns all writes, in order, with the numbers of their streams.
async fn numbered<'w>(open: &OpenTransaction, writes: &'w Writes) -> Result<Vec<Numbered<'w>>, Aborted> {
    let mut new: Vec<_> = writes.streams.iter().filter(|write| write.is_new).collect();
    new.sort_unstable_by(|one, other| one.stream.cmp(&other.stream));
    let created = if new.is_empty() { HashMap::new() } else { create(open, &new).await? };
    let number = |write: &'w StreamWrite| {
        let locked = open.locked.get(&write.stream).and_then(Option::as_ref).map(|row| row.id);
        match created.get(write.stream.as_str()).copied().or(locked) {
            Some(id) => Ok((id, write)),
            // Another transaction has created the stream in the meantime.
            None => Err(Aborted::LockConflict(write.conflict())),
        }
    };
    writes.streams.iter().map(number).collect()
}

/// Creates streams and returns their numbers by name. A stream that another transaction has created is missing.
async fn create(open: &OpenTransaction, new: &[&StreamWrite]) -> Result<HashMap<String, i64>, Aborted> {
    let names: Vec<_> = new.iter().map(|write| write.stream.as_str()).collect();
    let categories: Vec<_> = new.iter().map(|write| write.stream.category()).collect();
    let versions: Vec<_> = new.iter().map(|write| signed(write.version())).collect();
    let snapshots: Vec<_> = new.iter().map(|write| snapshot_version(write).unwrap_or(0)).collect();
    let statuses: Vec<_> = new.iter().map(|write| write.status).collect();
    let correlations: Vec<Uuid> = new.iter().map(|write| write.correlation()).collect();
    let traces: Vec<_> = new.iter().map(|write| write.head.trace.as_str()).collect();
    let dues: Vec<_> = new.iter().map(|write| write.due).collect();
    let published: Vec<_> = new.iter().map(|write| signed(write.head.published)).collect();
    let processed: Vec<_> = new.iter().map(|write| write.head.processed.as_bytes()).collect();
    let waves: Vec<_> = new.iter().map(|write| write.head.wave).collect();
    let rows = open
        .client()
        .query(
            &open.statements.create,
            &[
                &names,
                &categories,
                &versions,
                &snapshots,
                &statuses,
                &correlations,
                &traces,
                &dues,
                &published,
                &processed,
                &waves,
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?)
}

async fn update(open: &OpenTransaction, streams: &[Numbered<'_>]) -> Result<u64, Error> {
    let old: Vec<_> = streams.iter().map(|(_, write)| *write).filter(|write| !write.is_new).collect();
    if old.is_empty() {
        return Ok(0);
    }
    let names: Vec<_> = old.iter().map(|write| write.stream.as_str()).collect();
    let versions: Vec<_> = old.iter().map(|write| signed(write.version())).collect();
    let snapshots: Vec<_> = old.iter().map(|write| snapshot_version(write)).collect();
    let statuses: Vec<_> = old.iter().map(|write| write.status).collect();
    let dues: Vec<_> = old.iter().map(|write| write.due).collect();
    let published: Vec<_> = old.iter().map(|write| signed(write.head.published)).collect();
    let processed: Vec<_> = old.iter().map(|write| write.head.processed.as_bytes()).collect();
    let waves: Vec<_> = old.iter().map(|write| write.head.wave).collect();
    let correlations: Vec<Uuid> = old.iter().map(|write| write.correlation()).collect();
    let traces: Vec<_> = old.iter().map(|write| write.head.trace.as_str()).collect();
    open.client()
        .execute(
            &open.statements.update,
            &[&names, &versions, &snapshots, &statuses, &dues, &published, &processed, &waves, &correlations, &traces],
        )
        .await
}

/// Appends all events in one block of positions and returns its number.
async fn append(open: &OpenTransaction, streams: &[Numbered<'_>]) -> Result<Option<i64>, Error> {
    let events = || streams.iter().flat_map(|(_, write)| &write.events);
    let ids: Vec<i64> = streams.iter().flat_map(|(id, write)| std::iter::repeat_n(*id, write.events.len())).collect();
    if ids.is_empty() {
        return Ok(None);
    }
    let publications = || events().map(|event| event.publication.as_ref());
    let versions: Vec<_> = events().map(|event| signed(event.version)).collect();
    let event_ids: Vec<Uuid> = events().map(|event| event.id.0).collect();
    let names: Vec<_> = events().map(|event| &*event.name).collect();
    let schemas: Vec<_> = events().map(|event| &*event.schema).collect();
    let data: Vec<_> = events().map(|event| event.data.as_str()).collect();
    let times: Vec<Timestamp> = events().map(|event| event.time).collect();
    let correlations: Vec<Uuid> = events().map(|event| event.correlation_id.0).collect();
    let causations: Vec<Option<Uuid>> = events().map(|event| event.causation_id.map(|id| id.0)).collect();
    let sequences: Vec<_> = publications().map(|one| one.map(|one| signed(one.sequence))).collect();
    let hops: Vec<_> = publications().map(|one| one.map(|one| i64::from(one.hops))).collect();
    let traces: Vec<_> = publications().map(|one| one.map(|one| one.trace.as_str())).collect();
    let parameters: [&(dyn ToSql + Sync); 12] = [
        &ids,
        &versions,
        &event_ids,
        &names,
        &schemas,
        &data,
        &times,
        &correlations,
        &causations,
        &sequences,
        &hops,
        &traces,
    ];
    let announced: [&(dyn ToSql + Sync); 1] = [&keys::LOG];
    let (_, block) = try_join!(
        open.client().query_one(&open.statements.announce, &announced),
        open.client().query_one(&open.statements.append, &parameters),
    )?;
    block.try_get(0).map(Some)
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
        open.client().execute(&open.statements.delete_surplus_snapshots, &thin),
    )?;
    Ok(())
}

/// Inserts calls at the positions of the events that request them.
async fn open_intents(open: &OpenTransaction, intents: &[NewIntent], numbers: &[i64]) -> Result<(), Error> {
    if intents.is_empty() {
        return Ok(());
    }
    let events: Vec<Uuid> = intents.iter().map(|intent| intent.event_id.0).collect();
    let bodies: Vec<_> = intents.iter().map(|intent| intent.body.as_str()).collect();
    open.client().execute(&open.statements.open_intents, &[&numbers, &events, &bodies]).await?;
    Ok(())
}

fn snapshot_version(write: &StreamWrite) -> Option<i64> {
    write.snapshot.as_ref().map(|snapshot| signed(snapshot.version))
}
