//! Parked records.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{read, retries};
use crate::{NewParked, Parked, RawRecord, Rescheduled, StoreError, Transaction, headers::pack};

/// Returns those of the transaction's ordering keys that have parked records.
pub(super) fn blocked_keys(
    database: &Connection,
    transaction: &impl Transaction,
) -> Result<HashSet<String>, StoreError> {
    let any_parked: bool =
        database.prepare_cached("SELECT EXISTS (SELECT 1 FROM parked)")?.query_row([], |row| row.get(0))?;
    if !any_parked {
        return Ok(HashSet::new());
    }
    let mut query = database.prepare_cached("SELECT EXISTS (SELECT 1 FROM parked WHERE ordering_key = ?)")?;
    let mut blocked = HashSet::new();
    for key in transaction.ordering_keys() {
        if query.query_row([&key], |row| row.get(0))? {
            blocked.insert(key);
        }
    }
    Ok(blocked)
}

/// Inserts, reschedules and deletes parked records.
pub(super) fn write(
    database: &Connection,
    parked: &[NewParked],
    rescheduled: &[Rescheduled],
    resolved: &[i64],
) -> Result<(), StoreError> {
    for record in parked {
        park(database, record)?;
    }
    retries::update(database, "parked", rescheduled, resolved)
}

fn park(database: &Connection, parked: &NewParked) -> Result<(), StoreError> {
    let NewParked { ordering_key, message, raw, attempts, error, due } = parked;
    let RawRecord { record, partition, offset, timestamp_ms } = raw;
    database
        .prepare_cached(
            "INSERT OR IGNORE INTO parked
             (ordering_key, message, topic, partition, record_offset, timestamp_ms, key, headers, payload, attempts, error,
              due_us)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            ordering_key,
            message.as_ref().map(Uuid::as_bytes),
            record.topic,
            partition,
            offset,
            timestamp_ms,
            record.key.as_deref(),
            pack(&record.headers),
            &record.payload[..],
            attempts,
            error,
            due.as_microsecond(),
        ])?;
    Ok(())
}

/// Reads the due records that are the first of their ordering key.
pub(super) fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Parked>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT position, ordering_key, topic, key, headers, payload, partition, record_offset, timestamp_ms,
                attempts, error, due_us, message
         FROM parked WHERE due_us <= ?
         AND NOT EXISTS (SELECT 1 FROM parked AS first
                         WHERE first.ordering_key = parked.ordering_key AND first.position < parked.position)
         ORDER BY due_us, position LIMIT ?",
    )?;
    let rows = query.query_map(params![now.as_microsecond(), limit], parked)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn parked(row: &Row) -> rusqlite::Result<Parked> {
    let parked = NewParked {
        ordering_key: row.get(1)?,
        message: row.get::<_, Option<[u8; 16]>>(12)?.map(Uuid::from_bytes),
        raw: RawRecord {
            record: read::record(row, 2)?,
            partition: row.get(6)?,
            offset: row.get(7)?,
            timestamp_ms: row.get(8)?,
        },
        attempts: row.get(9)?,
        error: row.get(10)?,
        due: Timestamp::from_microsecond(row.get(11)?).map_err(|_| rusqlite::Error::InvalidQuery)?,
    };
    Ok(Parked { position: row.get(0)?, parked })
}

/// Counts the parked records.
pub(super) fn len(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.prepare_cached("SELECT count(*) FROM parked")?.query_row([], |row| row.get(0))?)
}
