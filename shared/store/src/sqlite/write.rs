//! The one transaction: inbox, load, decide, append, outbox, commit.

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params};
use uuid::Uuid;

use super::{parked, read};
use crate::{
    Committed, Loaded, NewOutboxRow, OLD_SNAPSHOT_INTERVAL, OpenIntent, OutboxRow, SNAPSHOTS_KEPT, Seen, Step,
    StoreError, StreamWrite, Transaction, Wanted, Writes, headers::pack,
};

/// Runs a transaction from its messages to the commit.
pub(super) fn transact<T: Transaction>(
    connection: &mut Connection,
    transaction: &mut T,
) -> Result<Committed, StoreError> {
    let database = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let seen = record_messages(&database, &transaction.messages())?;
    let held = parked::held(&database, transaction)?;
    let mut loaded = Loaded { seen, held, ..Loaded::default() };
    let writes = loop {
        match transaction.step(loaded).map_err(|_| StoreError::StartOver)? {
            Step::Write(writes) => break writes,
            Step::Load(wanted) => {
                let load = |wanted: Wanted| read::since(&database, &wanted).map(|stored| (wanted.stream, stored));
                let streams = wanted.into_iter().map(load).collect::<Result<_, _>>()?;
                loaded = Loaded { streams, ..Loaded::default() };
            }
        }
    };
    let committed = write(&database, writes)?;
    transaction.written(&committed);
    database.commit()?;
    Ok(committed)
}

/// Forgets published rows without waiting for the disk: a crash that brings them back does no harm.
pub(super) fn published_only(connection: &mut Connection, positions: &[i64]) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let result = forget_published(connection, positions);
    connection.pragma_update(None, "synchronous", "FULL")?;
    result
}

fn forget_published(connection: &mut Connection, positions: &[i64]) -> Result<(), StoreError> {
    let database = connection.transaction()?;
    published(&database, positions)?;
    Ok(database.commit()?)
}

fn record_messages(database: &Connection, messages: &[Uuid]) -> Result<Seen, StoreError> {
    let received = Timestamp::now().as_microsecond();
    let mut insert = database.prepare_cached("INSERT OR IGNORE INTO inbox (message, received_us) VALUES (?, ?)")?;
    let mut seen = Seen::new();
    for message in messages {
        if insert.execute(params![message.as_bytes(), received])? == 0 {
            seen.insert(*message);
        }
    }
    Ok(seen)
}

fn write(database: &Connection, writes: Writes) -> Result<Committed, StoreError> {
    for stream in &writes.streams {
        append(database, stream)?;
    }
    let mut committed = Committed::default();
    let now = Timestamp::now();
    for record in writes.outbox {
        let position = insert_outbox(database, &record, now)?;
        committed.outbox.push(OutboxRow { position, record });
    }
    for intent in writes.intents {
        database
            .prepare_cached("INSERT INTO intents (event, body) VALUES (?, ?)")?
            .execute(params![intent.event_id.0.as_bytes(), intent.body])?;
        committed.intents.push(OpenIntent { position: database.last_insert_rowid(), intent });
    }
    for answered in &writes.answered {
        database.prepare_cached("DELETE FROM intents WHERE event = ?")?.execute([answered.0.as_bytes()])?;
    }
    published(database, &writes.published)?;
    parked::write(database, &writes.parked, &writes.postponed, &writes.unparked)?;
    Ok(committed)
}

fn append(database: &Connection, write: &StreamWrite) -> Result<(), StoreError> {
    let Some(first) = write.events.first() else { return Ok(()) };
    let version = write.expected_version + write.events.len() as u64;
    let due = write.due.map(Timestamp::as_microsecond);
    let conflict = || StoreError::Conflict { stream: write.stream.clone(), expected: write.expected_version };
    let stream = if write.expected_version == 0 {
        database
            .prepare_cached(
                "INSERT INTO streams (name, category, version, status, correlation, trace, due_us)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                write.stream.as_str(),
                write.stream.category(),
                version,
                write.status,
                first.correlation_id.0.as_bytes(),
                write.trace,
                due
            ])
            .map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation) => conflict(),
                _ => error.into(),
            })?;
        database.last_insert_rowid()
    } else {
        let mut update = database.prepare_cached(
            "UPDATE streams SET version = ?, status = ?, due_us = ? WHERE name = ? AND version = ? RETURNING id",
        )?;
        let mut rows =
            update.query(params![version, write.status, due, write.stream.as_str(), write.expected_version])?;
        rows.next()?.ok_or_else(conflict)?.get(0)?
    };
    insert_events(database, stream, write)?;
    if let Some(snapshot) = &write.snapshot {
        let time = write.events.last().unwrap_or(first).time.as_microsecond();
        database
            .prepare_cached("INSERT INTO snapshots (stream, version, time_us, state) VALUES (?, ?, ?, ?)")?
            .execute(params![stream, snapshot.version, time, snapshot.state])?;
        database
            .prepare_cached(
                "DELETE FROM snapshots WHERE stream = ?1 AND version =
                     (SELECT version FROM snapshots WHERE stream = ?1 ORDER BY version DESC LIMIT 1 OFFSET ?2)
                 AND EXISTS (SELECT 1 FROM snapshots AS before WHERE before.stream = ?1
                             AND before.version < snapshots.version AND before.version > snapshots.version - ?3)",
            )?
            .execute(params![stream, SNAPSHOTS_KEPT, OLD_SNAPSHOT_INTERVAL])?;
    }
    Ok(())
}

fn insert_events(database: &Connection, stream: i64, write: &StreamWrite) -> Result<(), StoreError> {
    let mut insert = database.prepare_cached(
        "INSERT INTO events (stream, version, id, name, schema, data, time_us, correlation, causation)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
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
    Ok(())
}

fn insert_outbox(database: &Connection, record: &NewOutboxRow, now: Timestamp) -> Result<i64, StoreError> {
    database
        .prepare_cached("INSERT INTO outbox (topic, key, headers, payload, committed_us) VALUES (?, ?, ?, ?, ?)")?
        .execute(params![
            record.topic,
            record.key.as_deref(),
            pack(&record.headers),
            &record.payload[..],
            now.as_microsecond(),
        ])?;
    Ok(database.last_insert_rowid())
}

fn published(database: &Connection, positions: &[i64]) -> Result<(), StoreError> {
    let mut delete = database.prepare_cached("DELETE FROM outbox WHERE position = ?")?;
    for position in positions {
        delete.execute([position])?;
    }
    Ok(())
}
