//! The transaction: inbox, load, decide, append, outbox, commit.

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior, params};
use uuid::Uuid;

use super::{parked, read, read_positions, writer::Writer};
use crate::{
    Committed, Loaded, NewEvent, NewIntent, NewOutboxRow, OLD_SNAPSHOT_INTERVAL, OpenIntent, OutboxRow,
    ProcessedMessages, SNAPSHOTS_KEPT, Snapshot, Step, StoreError, StreamRequest, StreamWrite, Transaction, Writes,
    headers::pack,
};

/// Runs a transaction from its messages to the commit.
pub(super) fn transact<T: Transaction>(writer: &mut Writer, transaction: &mut T) -> Result<Committed, StoreError> {
    let database = writer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_only_writer = writer.exclusivity.check(&database)?;
    let processed = record_messages(&database, &transaction.messages())?;
    let blocked_keys = parked::blocked_keys(&database, transaction)?;
    let mut loaded = Loaded { processed, blocked_keys, ..Loaded::default() };
    let writes = loop {
        match transaction.step(loaded).map_err(|_| StoreError::Restart)? {
            Step::Write(writes) => break writes,
            Step::Load(requests) => {
                let load = |request: StreamRequest| {
                    read::since(&database, &request, is_only_writer).map(|stored| (request.stream, stored))
                };
                let streams = requests.into_iter().map(load).collect::<Result<_, _>>()?;
                loaded = Loaded { streams, ..Loaded::default() };
            }
        }
    };
    let committed = write(&database, writes)?;
    transaction.before_commit(&mut committed.outbox.iter().map(|row| &row.record));
    database.commit()?;
    Ok(committed)
}

/// Deletes published rows without waiting for the disk: a crash that restores them does no harm.
pub(super) fn delete_published(connection: &mut Connection, positions: &[i64]) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let result = commit_deletion(connection, positions);
    connection.pragma_update(None, "synchronous", "FULL")?;
    result
}

fn commit_deletion(connection: &mut Connection, positions: &[i64]) -> Result<(), StoreError> {
    let database = connection.transaction()?;
    delete_outbox(&database, positions)?;
    Ok(database.commit()?)
}

fn record_messages(database: &Connection, messages: &[Uuid]) -> Result<ProcessedMessages, StoreError> {
    let received = Timestamp::now().as_microsecond();
    let mut insert = database.prepare_cached("INSERT OR IGNORE INTO inbox (message, received_us) VALUES (?, ?)")?;
    let mut processed = ProcessedMessages::new();
    for message in messages {
        if insert.execute(params![message.as_bytes(), received])? == 0 {
            processed.insert(*message);
        }
    }
    Ok(processed)
}

fn write(database: &Connection, writes: Writes) -> Result<Committed, StoreError> {
    append(database, &writes.streams)?;
    let committed = assign_positions(database, writes.outbox, writes.intents)?;
    let mut close_intent = database.prepare_cached("DELETE FROM intents WHERE event = ?")?;
    for event in &writes.answered {
        close_intent.execute([event.0.as_bytes()])?;
    }
    delete_outbox(database, &writes.published)?;
    parked::write(database, &writes.parked, &writes.rescheduled, &writes.resolved)?;
    read_positions::write(database, &writes.read_positions)?;
    Ok(committed)
}

/// Inserts records and calls at the next positions.
fn assign_positions(
    database: &Connection,
    outbox: Vec<NewOutboxRow>,
    intents: Vec<NewIntent>,
) -> Result<Committed, StoreError> {
    if outbox.is_empty() && intents.is_empty() {
        return Ok(Committed::default());
    }
    let mut last = database.prepare_cached("SELECT outbox, intents FROM positions")?;
    let (last_row, last_intent): (i64, i64) = last.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let outbox = insert_outbox(database, outbox, last_row)?;
    let intents = open_intents(database, intents, last_intent)?;
    database.prepare_cached("UPDATE positions SET outbox = ?, intents = ?")?.execute([
        outbox.last().map_or(last_row, |row| row.position),
        intents.last().map_or(last_intent, |intent| intent.position),
    ])?;
    Ok(Committed { outbox, intents })
}

fn append(database: &Connection, writes: &[StreamWrite]) -> Result<(), StoreError> {
    let mut insert = database.prepare_cached(
        "INSERT INTO events (stream, version, id, name, schema, data, time_us, correlation, causation)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for write in writes {
        let Some(first) = write.events.first() else { continue };
        let stream =
            if write.expected_version == 0 { create(database, write, first)? } else { update(database, write)? };
        for (version, event) in (write.expected_version + 1..).zip(&write.events) {
            insert.execute(params![
                stream,
                version,
                event.id.0.as_bytes(),
                event.name,
                event.schema,
                event.data,
                event.time.as_microsecond(),
                event.correlation_id.0.as_bytes(),
                event.causation_id.as_ref().map(|id| id.0.as_bytes()),
            ])?;
        }
        if let Some(snapshot) = &write.snapshot {
            insert_snapshot(database, stream, snapshot)?;
        }
    }
    Ok(())
}

/// Creates the row of a stream and returns its number.
fn create(database: &Connection, write: &StreamWrite, first: &NewEvent) -> Result<i64, StoreError> {
    let mut insert = database.prepare_cached(
        "INSERT INTO streams (name, category, version, status, correlation, trace, due_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    let inserted = insert.insert(params![
        write.stream.as_str(),
        write.stream.category(),
        write.version(),
        write.status,
        first.correlation_id.0.as_bytes(),
        write.trace,
        write.due.map(Timestamp::as_microsecond),
    ]);
    inserted.map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => write.conflict(),
        _ => error.into(),
    })
}

/// Updates the row of a stream and returns its number. Indexed columns are written only if they change.
///
/// Does not use `RETURNING`, with which SQLite copies every page that the statement changes, to be able to undo the statement
/// alone.
fn update(database: &Connection, write: &StreamWrite) -> Result<i64, StoreError> {
    let mut number = database.prepare_cached("SELECT id FROM streams WHERE name = ?")?;
    let number = number.query_row([write.stream.as_str()], |row| row.get(0)).optional()?;
    let number: i64 = number.ok_or_else(|| write.conflict())?;
    let (version, expected) = (write.version(), write.expected_version);
    let changed = if write.metadata_changed {
        let due = write.due.map(Timestamp::as_microsecond);
        database
            .prepare_cached("UPDATE streams SET version = ?, status = ?, due_us = ? WHERE id = ? AND version = ?")?
            .execute(params![version, write.status, due, number, expected])?
    } else {
        database
            .prepare_cached("UPDATE streams SET version = ? WHERE id = ? AND version = ?")?
            .execute(params![version, number, expected])?
    };
    if changed == 0 { Err(write.conflict()) } else { Ok(number) }
}

fn insert_snapshot(database: &Connection, stream: i64, snapshot: &Snapshot) -> Result<(), StoreError> {
    database
        .prepare_cached("INSERT INTO snapshots (stream, version, time_us, state) VALUES (?, ?, ?, ?)")?
        .execute(params![stream, snapshot.version, snapshot.time.as_microsecond(), snapshot.state])?;
    database
        .prepare_cached(
            "DELETE FROM snapshots WHERE stream = ?1 AND version =
                 (SELECT version FROM snapshots WHERE stream = ?1 ORDER BY version DESC LIMIT 1 OFFSET ?2)
             AND EXISTS (SELECT 1 FROM snapshots AS before WHERE before.stream = ?1
                         AND before.version < snapshots.version AND before.version > snapshots.version - ?3)",
        )?
        .execute(params![stream, SNAPSHOTS_KEPT, OLD_SNAPSHOT_INTERVAL])?;
    Ok(())
}

fn insert_outbox(database: &Connection, records: Vec<NewOutboxRow>, last: i64) -> Result<Vec<OutboxRow>, StoreError> {
    let mut insert = database.prepare_cached(
        "INSERT INTO outbox (position, topic, key, headers, payload, committed_us) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    let now = Timestamp::now().as_microsecond();
    let put = |(position, record): (i64, NewOutboxRow)| {
        let (key, headers) = (record.key.as_deref(), pack(&record.headers));
        insert.execute(params![position, record.topic, key, headers, &record.payload[..], now])?;
        Ok(OutboxRow { position, record })
    };
    (last + 1..).zip(records).map(put).collect()
}

fn open_intents(database: &Connection, intents: Vec<NewIntent>, last: i64) -> Result<Vec<OpenIntent>, StoreError> {
    let mut insert = database.prepare_cached("INSERT INTO intents (position, event, body) VALUES (?, ?, ?)")?;
    let open = |(position, intent): (i64, NewIntent)| {
        insert.execute(params![position, intent.event_id.0.as_bytes(), intent.body])?;
        Ok(OpenIntent { position, intent })
    };
    (last + 1..).zip(intents).map(open).collect()
}

/// Deletes outbox rows. Most rows are published in the order of their positions, so one statement deletes many.
fn delete_outbox(database: &Connection, positions: &[i64]) -> Result<(), StoreError> {
    let mut delete = database.prepare_cached("DELETE FROM outbox WHERE position BETWEEN ? AND ?")?;
    for run in positions.chunk_by(|one, next| one + 1 == *next) {
        delete.execute([run.first(), run.last()])?;
    }
    Ok(())
}
