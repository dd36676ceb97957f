//! Parked records.

use deadpool_postgres::ClientWrapper;
use futures::try_join;
use jiff::Timestamp;
use tokio_postgres::{Error, Row};

use super::{
    convert::{RescheduledColumns, attempts, size, text, unsigned},
    open_transaction::OpenTransaction,
    read::record,
};
use crate::{NewParked, Parked, RawRecord, Rescheduled, StoreError, Writes, headers::pack};

/// Inserts, reschedules and deletes parked records.
pub(super) async fn write(open: &OpenTransaction, writes: &Writes) -> Result<(), Error> {
    try_join!(
        park(open, &writes.parked),
        reschedule(open, &writes.rescheduled),
        open.execute_if_any(&writes.resolved, &open.statements.delete_parked),
    )?;
    Ok(())
}

async fn park(open: &OpenTransaction, parked: &[NewParked]) -> Result<u64, Error> {
    if parked.is_empty() {
        return Ok(0);
    }
    let records = || parked.iter().map(|parked| &parked.raw.record);
    let ordering_keys: Vec<_> = parked.iter().map(|parked| parked.ordering_key.as_str()).collect();
    let topics: Vec<_> = records().map(|record| record.topic.as_str()).collect();
    let partitions: Vec<_> = parked.iter().map(|parked| parked.raw.partition).collect();
    let offsets: Vec<_> = parked.iter().map(|parked| parked.raw.offset).collect();
    let timestamps: Vec<_> = parked.iter().map(|parked| parked.raw.timestamp_ms).collect();
    let keys: Vec<_> = records().map(|record| record.key.as_deref()).collect();
    let headers: Vec<_> = records().map(|record| pack(&record.headers)).collect();
    let payloads: Vec<_> = records().map(|record| &*record.payload).collect();
    let attempts: Vec<_> = parked.iter().map(|parked| i64::from(parked.attempts)).collect();
    let errors: Vec<_> = parked.iter().map(|parked| text(&parked.error)).collect();
    let dues: Vec<_> = parked.iter().map(|parked| parked.due).collect();
    let messages: Vec<_> = parked.iter().map(|parked| parked.message).collect();
    open.client()
        .execute(
            &open.statements.park,
            &[
                &ordering_keys,
                &topics,
                &partitions,
                &offsets,
                &timestamps,
                &keys,
                &headers,
                &payloads,
                &attempts,
                &errors,
                &dues,
                &messages,
            ],
        )
        .await
}

async fn reschedule(open: &OpenTransaction, rescheduled: &[Rescheduled]) -> Result<u64, Error> {
    if rescheduled.is_empty() {
        return Ok(0);
    }
    let columns = RescheduledColumns::of(rescheduled);
    open.client().execute(&open.statements.reschedule, &columns.parameters()).await
}

/// Reads the due records that are the first of their ordering key.
pub(super) async fn due(client: &ClientWrapper, now: Timestamp, limit: usize) -> Result<Vec<Parked>, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT position, ordering_key, topic, key, headers, payload, partition, record_offset, timestamp_ms,
                    attempts, error, due, message
             FROM parked WHERE due <= $1
             AND NOT EXISTS (SELECT 1 FROM parked AS first
                             WHERE first.ordering_key = parked.ordering_key AND first.position < parked.position)
             ORDER BY due, position LIMIT $2",
        )
        .await?;
    client.query(&query, &[&now, &size(limit)]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Parked, StoreError> {
    let parked = NewParked {
        ordering_key: row.try_get(1)?,
        message: row.try_get(12)?,
        raw: RawRecord {
            record: record(row, 2)?,
            partition: row.try_get(6)?,
            offset: row.try_get(7)?,
            timestamp_ms: row.try_get(8)?,
        },
        attempts: attempts(row, 9)?,
        error: row.try_get(10)?,
        due: row.try_get(11)?,
    };
    Ok(Parked { position: row.try_get(0)?, parked })
}

/// Counts the parked records.
pub(super) async fn len(client: &ClientWrapper) -> Result<u64, StoreError> {
    let query = client.prepare_cached("SELECT count(*) FROM parked").await?;
    Ok(unsigned(&client.query_one(&query, &[]).await?, 0)?)
}
