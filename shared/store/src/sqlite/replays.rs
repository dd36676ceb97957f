//! Streams to publish again.

use decider::StreamId;
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::{OpenReplay, Replay, StoreError};

/// Inserts replays.
pub(super) fn write(database: &Connection, replays: &[Replay]) -> Result<(), StoreError> {
    let mut insert = database.prepare_cached("INSERT INTO replays (stream, wave) VALUES (?, ?)")?;
    for Replay { stream, wave } in replays {
        insert.execute(params![stream.as_str(), wave.as_bytes()])?;
    }
    Ok(())
}

/// Reads the oldest replays.
pub(super) fn open(connection: &Connection, limit: usize) -> Result<Vec<OpenReplay>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT position, stream, wave FROM replays ORDER BY position LIMIT ?")?;
    let rows = query.query_map([limit], |row| {
        let stream = StreamId::parse(row.get(1)?).ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(OpenReplay { position: row.get(0)?, replay: Replay { stream, wave: row.get(2).map(Uuid::from_bytes)? } })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Deletes replays.
pub(super) fn finish(connection: &mut Connection, positions: &[i64]) -> Result<(), StoreError> {
    let database = connection.transaction()?;
    {
        let mut delete = database.prepare_cached("DELETE FROM replays WHERE position = ?")?;
        for position in positions {
            delete.execute([position])?;
        }
    }
    Ok(database.commit()?)
}
