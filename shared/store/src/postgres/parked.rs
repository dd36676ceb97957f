//! Records that are tried again later, and what of the inbox is forgotten.

use contracts::OrderId;
use deadpool_postgres::ClientWrapper;
use futures::try_join;
use jiff::Timestamp;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{
    read::{record, size, unsigned},
    transact::Open,
    write::if_any,
};
use crate::{NewParked, Parked, PurgedPage, RawRecord, Rescheduled, StoreError, Writes, headers::pack};

/// Parks, postpones and takes out.
pub(super) async fn write(open: &Open, writes: &Writes) -> Result<(), Error> {
    try_join!(
        park(open, &writes.parked),
        postpone(open, &writes.rescheduled),
        if_any(&writes.resolved, open, &open.statements.unpark),
    )?;
    Ok(())
}

async fn park(open: &Open, parked: &[NewParked]) -> Result<u64, Error> {
    if parked.is_empty() {
        return Ok(0);
    }
    let records = || parked.iter().map(|parked| &parked.arrived.record);
    let orders: Vec<Uuid> = parked.iter().map(|parked| parked.order_id.0).collect();
    let topics: Vec<_> = records().map(|record| record.topic.as_str()).collect();
    let partitions: Vec<_> = parked.iter().map(|parked| parked.arrived.partition).collect();
    let offsets: Vec<_> = parked.iter().map(|parked| parked.arrived.offset).collect();
    let timestamps: Vec<_> = parked.iter().map(|parked| parked.arrived.timestamp_ms).collect();
    let keys: Vec<_> = records().map(|record| record.key.as_deref()).collect();
    let headers: Vec<_> = records().map(|record| pack(&record.headers)).collect();
    let payloads: Vec<_> = records().map(|record| &*record.payload).collect();
    let attempts: Vec<_> = parked.iter().map(|parked| i64::from(parked.attempts)).collect();
    let errors: Vec<_> = parked.iter().map(|parked| text(&parked.error)).collect();
    let dues: Vec<_> = parked.iter().map(|parked| parked.due).collect();
    open.client()
        .execute(
            &open.statements.park,
            &[
                &orders,
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
            ],
        )
        .await
}

async fn postpone(open: &Open, rescheduled: &[Rescheduled]) -> Result<u64, Error> {
    if rescheduled.is_empty() {
        return Ok(0);
    }
    let positions: Vec<_> = rescheduled.iter().map(|rescheduled| rescheduled.position).collect();
    let attempts: Vec<_> = rescheduled.iter().map(|rescheduled| i64::from(rescheduled.attempts)).collect();
    let errors: Vec<_> = rescheduled.iter().map(|rescheduled| text(&rescheduled.error)).collect();
    let dues: Vec<_> = rescheduled.iter().map(|rescheduled| rescheduled.due).collect();
    open.client().execute(&open.statements.postpone, &[&positions, &attempts, &errors, &dues]).await
}

/// Why something failed may quote what it failed at; PostgreSQL has no text with a zero in it.
fn text(error: &str) -> String {
    error.replace('\0', "\u{fffd}")
}

/// The first parked record of each order whose time has come.
pub(super) async fn due(client: &ClientWrapper, now: Timestamp, limit: usize) -> Result<Vec<Parked>, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT position, order_id, topic, key, headers, payload, partition, record_offset, timestamp_ms,
                    attempts, error, due
             FROM parked WHERE due <= $1
             AND NOT EXISTS (SELECT 1 FROM parked AS first
                             WHERE first.order_id = parked.order_id AND first.position < parked.position)
             ORDER BY due, position LIMIT $2",
        )
        .await?;
    client.query(&query, &[&now, &size(limit)]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Parked, StoreError> {
    let parked = NewParked {
        order_id: OrderId(row.try_get(1)?),
        arrived: RawRecord {
            record: record(row, 2)?,
            partition: row.try_get(6)?,
            offset: row.try_get(7)?,
            timestamp_ms: row.try_get(8)?,
        },
        attempts: u32::try_from(row.try_get::<_, i64>(9)?).unwrap_or(u32::MAX),
        error: row.try_get(10)?,
        due: row.try_get(11)?,
    };
    Ok(Parked { position: row.try_get(0)?, parked })
}

/// How many records are parked.
pub(super) async fn len(client: &ClientWrapper) -> Result<u64, StoreError> {
    let query = client.prepare_cached("SELECT count(*) FROM parked").await?;
    Ok(unsigned(&client.query_one(&query, &[]).await?, 0)?)
}

/// Forgets old messages among the next `limit`. The inbox has no index by time, which every message would pay for.
pub(super) async fn purge_inbox(
    client: &ClientWrapper,
    horizon: Timestamp,
    after: Option<Uuid>,
    limit: usize,
) -> Result<PurgedPage, StoreError> {
    // No message is nil, for the nil UUID names nothing.
    let after = after.unwrap_or(Uuid::nil());
    let query = client
        .prepare_cached(
            "WITH looked_at AS (SELECT message, received FROM inbox WHERE message > $1 ORDER BY message LIMIT $2),
                  forgotten AS (DELETE FROM inbox WHERE message = ANY
                                    (ARRAY(SELECT message FROM looked_at WHERE received < $3)) RETURNING 1)
             SELECT (SELECT count(*) FROM forgotten), (SELECT message FROM looked_at ORDER BY message DESC LIMIT 1)",
        )
        .await?;
    let row = client.query_one(&query, &[&after, &size(limit), &horizon]).await?;
    Ok(PurgedPage { forgotten: unsigned(&row, 0)?, last: row.try_get(1)? })
}
