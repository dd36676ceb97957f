//! The transaction: load, decide, append, commit.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior, params};
use uuid::Uuid;

use super::{dead_letters, parked, read, read_positions, replays, writer::Writer};
use crate::{
    Committed, Loaded, LogRange, NewIntent, OLD_SNAPSHOT_INTERVAL, SNAPSHOTS_KEPT, Snapshot, Step, StoreError,
    StoredEvent, StreamRequest, StreamWrite, Transaction, Writes,
    types::{event_numbers, positioned},
};

/// Runs a transaction from its first step to the commit.
pub(super) fn transact<T: Transaction>(writer: &mut Writer, transaction: &mut T) -> Result<Committed, StoreError> {
    let database = writer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_only_writer = writer.exclusivity.check(&database)?;
    transaction.begin();
    let mut loaded = Loaded {
        old_inbox: if writer.has_old_inbox {
            in_old_inbox(&database, &transaction.messages())?
        } else {
            HashSet::new()
        },
        dead_letters: dead_letters::open(&database, transaction)?,
        blocked_keys: parked::blocked_keys(&database, transaction)?,
        ..Loaded::default()
    };
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
    let numbers = event_numbers(&writes.streams, &writes.intents);
    let range = write(&database, &writes, &numbers)?;
    transaction.before_commit(&writes);
    database.commit()?;
    Ok(Committed { range, streams: writes.streams, intents: positioned(range, &numbers, writes.intents) })
}

/// Advances the cursor without waiting for the disk: a crash that restores an earlier one does no harm.
pub(super) fn advance_cursor(connection: &Connection, position: i64) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let result = set_cursor(connection, position);
    connection.pragma_update(None, "synchronous", "FULL")?;
    result
}

fn set_cursor(database: &Connection, position: i64) -> Result<(), StoreError> {
    database.prepare_cached("UPDATE published SET position = max(position, ?)")?.execute([position])?;
    Ok(())
}

/// Returns those of the messages that an older version of this store processed.
fn in_old_inbox(database: &Connection, messages: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
    let mut query = database.prepare_cached("SELECT EXISTS (SELECT 1 FROM old_inbox WHERE message = ?)")?;
    let mut processed = HashSet::new();
    for message in messages {
        if query.query_row([message.as_bytes()], |row| row.get(0))? {
            processed.insert(*message);
        }
    }
    Ok(processed)
}

/// `numbers` are those of the events that request the calls.
fn write(database: &Connection, writes: &Writes, numbers: &[i64]) -> Result<Option<LogRange>, StoreError> {
    let range = append(database, &writes.streams)?;
    open_intents(database, &writes.intents, numbers, range)?;
    let mut close_intent = database.prepare_cached("DELETE FROM intents WHERE position = ?")?;
    for position in &writes.answered {
        close_intent.execute([position])?;
    }
    if let Some(position) = writes.cursor {
        set_cursor(database, position)?;
    }
    dead_letters::write(database, &writes.dead_letters, &writes.redriven)?;
    replays::write(database, &writes.replays)?;
    read_positions::write(database, &writes.read_positions)?;
    parked::write(database, &writes.parked, &writes.rescheduled, &writes.resolved)?;
    Ok(range)
}

/// Appends the events of all streams at the next positions.
fn append(database: &Connection, writes: &[StreamWrite]) -> Result<Option<LogRange>, StoreError> {
    let mut insert = database.prepare_cached(
        "INSERT INTO events (stream, version, id, name, schema, data, time_us, correlation, causation, sequence, hops,
                             trace)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let (mut first, mut last) = (None, 0);
    for write in writes {
        let stream = if write.is_new { create(database, write)? } else { update(database, write)? };
        for event in &write.events {
            let StoredEvent { version, id, name, schema, data, time, correlation_id, causation_id, publication } =
                event;
            let publication = publication.as_ref();
            last = insert.insert(params![
                stream,
                version,
                id.0.as_bytes(),
                name,
                schema,
                data,
                time.as_microsecond(),
                correlation_id.0.as_bytes(),
                causation_id.as_ref().map(|id| id.0.as_bytes()),
                publication.map(|publication| publication.sequence),
                publication.map(|publication| publication.hops),
                publication.map(|publication| &*publication.trace),
            ])?;
            first.get_or_insert(last);
        }
        if let Some(snapshot) = &write.snapshot {
            insert_snapshot(database, stream, snapshot)?;
        }
    }
    Ok(first.map(|first| LogRange { after: first - 1, through: last }))
}

/// Creates the row of a stream and returns its number.
fn create(database: &Connection, write: &StreamWrite) -> Result<i64, StoreError> {
    let mut insert = database.prepare_cached(
        "INSERT INTO streams (name, category, version, status, correlation, trace, due_us, published, processed, wave)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let inserted = insert.insert(params![
        write.stream.as_str(),
        write.stream.category(),
        write.version(),
        write.status,
        write.correlation().as_bytes(),
        write.head.trace,
        write.due.map(Timestamp::as_microsecond),
        write.head.published,
        write.head.processed.as_bytes(),
        write.head.wave.as_ref().map(Uuid::as_bytes),
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
    let (published, processed) = (write.head.published, write.head.processed.as_bytes());
    let wave = write.head.wave.as_ref().map(Uuid::as_bytes);
    let changed = if write.metadata_changed {
        let due = write.due.map(Timestamp::as_microsecond);
        database
            .prepare_cached(
                "UPDATE streams SET version = ?, published = ?, processed = ?, wave = ?, status = ?, due_us = ?
                 WHERE id = ? AND version = ?",
            )?
            .execute(params![version, published, processed, wave, write.status, due, number, expected])?
    } else {
        database
            .prepare_cached(
                "UPDATE streams SET version = ?, published = ?, processed = ?, wave = ? WHERE id = ? AND version = ?",
            )?
            .execute(params![version, published, processed, wave, number, expected])?
    };
    if changed == 0 {
        return Err(write.conflict());
    }
    if expected == 0 && version > 0 {
        database.prepare_cached("UPDATE streams SET correlation = ?, trace = ? WHERE id = ?")?.execute(params![
            write.correlation().as_bytes(),
            write.head.trace,
            number
        ])?;
    }
    Ok(number)
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

/// Inserts calls at the positions of the events that request them.
fn open_intents(
    database: &Connection,
    intents: &[NewIntent],
    numbers: &[i64],
    range: Option<LogRange>,
) -> Result<(), StoreError> {
    let Some(range) = range else { return Ok(()) };
    let mut insert = database.prepare_cached("INSERT INTO intents (position, event, body) VALUES (?, ?, ?)")?;
    for (number, NewIntent { event_id, body }) in numbers.iter().zip(intents) {
        insert.execute(params![range.after + number, event_id.0.as_bytes(), body])?;
    }
    Ok(())
}
