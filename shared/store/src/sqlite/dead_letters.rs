//! Dead letters.

use std::collections::HashSet;

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::read;
use crate::{DEAD_LETTERS_KEPT, DeadLetter, RecordData, StoreError, Transaction, headers::pack};

/// Returns those of the transaction's messages that have an open dead letter.
pub(super) fn open(database: &Connection, transaction: &impl Transaction) -> Result<HashSet<Uuid>, StoreError> {
    let any: bool =
        database.prepare_cached("SELECT EXISTS (SELECT 1 FROM dead_letters)")?.query_row([], |row| row.get(0))?;
    if !any {
        return Ok(HashSet::new());
    }
    let mut query = database.prepare_cached("SELECT EXISTS (SELECT 1 FROM dead_letters WHERE id = ?)")?;
    let mut open = HashSet::new();
    for message in transaction.messages() {
        if query.query_row([message.as_bytes()], |row| row.get(0))? {
            open.insert(message);
        }
    }
    Ok(open)
}

/// Inserts and deletes dead letters. A new one replaces an earlier one of the same id.
pub(super) fn write(database: &Connection, new: &[DeadLetter], redriven: &[Uuid]) -> Result<(), StoreError> {
    let mut delete = database.prepare_cached("DELETE FROM dead_letters WHERE id = ?")?;
    for id in redriven {
        delete.execute([id.as_bytes()])?;
    }
    let mut insert = database.prepare_cached(
        "INSERT OR REPLACE INTO dead_letters (id, topic, key, headers, payload, is_published) VALUES (?, ?, ?, ?, ?, 0)",
    )?;
    for DeadLetter { id, record: RecordData { topic, key, headers, payload } } in new {
        insert.execute(params![id.as_bytes(), topic, key.as_deref(), pack(headers), &payload[..]])?;
    }
    Ok(())
}

/// Reads the oldest dead letters that are not published.
pub(super) fn unpublished(connection: &Connection, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT id, topic, key, headers, payload FROM dead_letters WHERE is_published = 0 ORDER BY position LIMIT ?",
    )?;
    let rows = query.query_map([limit], |row| {
        Ok(DeadLetter { id: row.get(0).map(Uuid::from_bytes)?, record: read::record(row, 1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Marks dead letters as published, and deletes the oldest published ones beyond the limit.
pub(super) fn mark_published(connection: &mut Connection, ids: &[Uuid]) -> Result<(), StoreError> {
    let database = connection.transaction()?;
    {
        let mut update = database.prepare_cached("UPDATE dead_letters SET is_published = 1 WHERE id = ?")?;
        for id in ids {
            update.execute([id.as_bytes()])?;
        }
        database
            .prepare_cached(
                "DELETE FROM dead_letters WHERE is_published = 1 AND position <=
                     (SELECT position FROM dead_letters WHERE is_published = 1
                      ORDER BY position DESC LIMIT 1 OFFSET ?)",
            )?
            .execute([DEAD_LETTERS_KEPT])?;
    }
    Ok(database.commit()?)
}

/// Counts the published dead letters, without those that are unsent.
pub(super) fn published_len(connection: &Connection) -> Result<u64, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT max(0, count(*) - (SELECT count(*) FROM unsent)) FROM dead_letters WHERE is_published = 1",
    )?;
    Ok(query.query_row([], |row| row.get(0))?)
}

/// Marks all dead letters as not published.
pub(super) fn republish(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE dead_letters SET is_published = 0 WHERE is_published = 1", [])?;
    Ok(())
}
