//! Streams to publish again.

use deadpool_postgres::ClientWrapper;
use decider::StreamId;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{convert::size, open_transaction::OpenTransaction};
use crate::{OpenReplay, Replay, StoreError};

/// Inserts replays.
pub(super) async fn write(open: &OpenTransaction, replays: &[Replay]) -> Result<u64, Error> {
    if replays.is_empty() {
        return Ok(0);
    }
    let streams: Vec<_> = replays.iter().map(|replay| replay.stream.as_str()).collect();
    let waves: Vec<Uuid> = replays.iter().map(|replay| replay.wave).collect();
    open.client().execute(&open.statements.insert_replays, &[&streams, &waves]).await
}

/// Reads the oldest replays.
pub(super) async fn open(client: &ClientWrapper, limit: usize) -> Result<Vec<OpenReplay>, StoreError> {
    let query = client.prepare_cached("SELECT position, stream, wave FROM replays ORDER BY position LIMIT $1").await?;
    let replay = |row: &Row| {
        let stream = StreamId::parse(row.try_get(1)?).ok_or(StoreError::Unreadable("stream name"))?;
        Ok(OpenReplay { position: row.try_get(0)?, replay: Replay { stream, wave: row.try_get(2)? } })
    };
    client.query(&query, &[&size(limit)]).await?.iter().map(replay).collect()
}

/// Deletes replays.
pub(super) async fn finish(client: &ClientWrapper, positions: &[i64]) -> Result<(), StoreError> {
    let delete = client.prepare_cached("DELETE FROM replays WHERE position = ANY($1)").await?;
    client.execute(&delete, &[&positions]).await?;
    Ok(())
}
