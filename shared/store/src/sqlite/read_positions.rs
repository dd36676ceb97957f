//! Positions of a reader.

use rusqlite::{Connection, params};

use crate::{ReadPosition, StoreError};

/// Table of the positions.
pub(super) const TABLE: &str = "
    CREATE TABLE read_positions (
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        PRIMARY KEY (topic, partition)
    ) STRICT, WITHOUT ROWID;
";

pub(super) fn write(database: &Connection, positions: &[ReadPosition]) -> Result<(), StoreError> {
    let mut upsert = database
        .prepare_cached("INSERT OR REPLACE INTO read_positions (topic, partition, next_offset) VALUES (?, ?, ?)")?;
    for ReadPosition { topic, partition, next } in positions {
        upsert.execute(params![topic, partition, next])?;
    }
    Ok(())
}

pub(super) fn read(database: &Connection) -> Result<Vec<ReadPosition>, StoreError> {
    let mut select = database
        .prepare_cached("SELECT topic, partition, next_offset FROM read_positions ORDER BY topic, partition")?;
    let rows = select
        .query_map([], |row| Ok(ReadPosition { topic: row.get(0)?, partition: row.get(1)?, next: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
