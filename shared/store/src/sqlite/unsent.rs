//! Records that the broker refuses.

use std::collections::HashSet;

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::{read, retries};
use crate::{NewUnsent, RecordData, Rescheduled, StoreError, TopicKey, Unsent, UnsentSummary, headers::pack};

/// Inserts a record behind all others, unless its topic's record with this id is there.
pub(super) fn keep(database: &Connection, unsent: &NewUnsent) -> Result<(), StoreError> {
    let NewUnsent { id, record: RecordData { topic, key, headers, payload }, attempts, error, due } = unsent;
    database
        .prepare_cached(
            "INSERT INTO unsent (id, topic, ordering_key, key, headers, payload, attempts, error, due_us)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (topic, id) DO NOTHING",
        )?
        .execute(params![
            id.as_bytes(),
            topic,
            key.as_deref().unwrap_or_default(),
            key.as_deref(),
            pack(headers),
            &payload[..],
            attempts,
            error,
            due.as_microsecond(),
        ])?;
    Ok(())
}

/// Reads the due records that are the first of their topic and key.
pub(super) fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Unsent>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT position, id, attempts, error, due_us, topic, key, headers, payload FROM unsent WHERE due_us <= ?
         AND NOT EXISTS (SELECT 1 FROM unsent AS first
                         WHERE first.topic = unsent.topic AND first.ordering_key = unsent.ordering_key
                         AND first.position < unsent.position)
         ORDER BY position LIMIT ?",
    )?;
    let rows = query.query_map(params![now.as_microsecond(), limit], unsent)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn unsent(row: &Row) -> rusqlite::Result<Unsent> {
    let unsent = NewUnsent {
        id: row.get(1).map(Uuid::from_bytes)?,
        record: read::record(row, 5)?,
        attempts: row.get(2)?,
        error: row.get(3)?,
        due: Timestamp::from_microsecond(row.get(4)?).map_err(|_| rusqlite::Error::InvalidQuery)?,
    };
    Ok(Unsent { position: row.get(0)?, unsent })
}

/// Reads the topics and keys of all records.
pub(super) fn keys(connection: &Connection) -> Result<HashSet<TopicKey>, StoreError> {
    let mut query = connection.prepare_cached("SELECT DISTINCT topic, key FROM unsent")?;
    let keys = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<Vec<u8>>>(1)?.map(Bytes::from))))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Counts the records, and reads the oldest without its payload.
pub(super) fn summary(connection: &Connection) -> Result<UnsentSummary, StoreError> {
    let count = connection.prepare_cached("SELECT count(*) FROM unsent")?.query_row([], |row| row.get(0))?;
    let mut oldest = connection.prepare_cached(
        "SELECT position, id, attempts, error, due_us, topic, key, headers, x'' FROM unsent ORDER BY position LIMIT 1",
    )?;
    let oldest = oldest.query_row([], unsent).optional()?;
    Ok(UnsentSummary { count, oldest })
}

/// Deletes accepted records and reschedules others.
pub(super) fn update(connection: &mut Connection, sent: &[i64], rescheduled: &[Rescheduled]) -> Result<(), StoreError> {
    let database = connection.transaction()?;
    retries::update(&database, "unsent", rescheduled, sent)?;
    Ok(database.commit()?)
}
