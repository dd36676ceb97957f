//! Records that the broker refuses.

use std::collections::HashSet;

use bytes::Bytes;
use deadpool_postgres::ClientWrapper;
use jiff::Timestamp;
use tokio_postgres::{Row, types::ToSql};

use super::{
    convert::{RescheduledColumns, attempts, size, text, unsigned},
    read::record,
};
use crate::{NewUnsent, RecordData, Rescheduled, StoreError, TopicKey, Unsent, UnsentSummary, headers::pack};

/// Inserts a record behind all others, unless its topic's record with this id is there.
pub(super) async fn keep(client: &ClientWrapper, unsent: &NewUnsent) -> Result<(), StoreError> {
    let NewUnsent { id, record: RecordData { topic, key, headers, payload }, attempts, error, due } = unsent;
    let insert = client
        .prepare_cached(
            "INSERT INTO unsent (id, topic, ordering_key, key, headers, payload, attempts, error, due)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (topic, id) DO NOTHING",
        )
        .await?;
    let ordering_key = key.as_deref().unwrap_or_default();
    let (headers, payload, attempts, error) = (pack(headers), &payload[..], i64::from(*attempts), text(error));
    let key = key.as_deref();
    let parameters: [&(dyn ToSql + Sync); 9] =
        [id, topic, &ordering_key, &key, &headers, &payload, &attempts, &error, due];
    client.execute(&insert, &parameters).await?;
    Ok(())
}

/// Reads the due records that are the first of their topic and key.
pub(super) async fn due(client: &ClientWrapper, now: Timestamp, limit: usize) -> Result<Vec<Unsent>, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT position, id, attempts, error, due, topic, key, headers, payload FROM unsent WHERE due <= $1
             AND NOT EXISTS (SELECT 1 FROM unsent AS first
                             WHERE first.topic = unsent.topic AND first.ordering_key = unsent.ordering_key
                             AND first.position < unsent.position)
             ORDER BY position LIMIT $2",
        )
        .await?;
    client.query(&query, &[&now, &size(limit)]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Unsent, StoreError> {
    let unsent = NewUnsent {
        id: row.try_get(1)?,
        record: record(row, 5)?,
        attempts: attempts(row, 2)?,
        error: row.try_get(3)?,
        due: row.try_get(4)?,
    };
    Ok(Unsent { position: row.try_get(0)?, unsent })
}

/// Reads the topics and keys of all records.
pub(super) async fn keys(client: &ClientWrapper) -> Result<HashSet<TopicKey>, StoreError> {
    let query = client.prepare_cached("SELECT DISTINCT topic, key FROM unsent").await?;
    let key = |row: &Row| Ok((row.try_get(0)?, row.try_get::<_, Option<&[u8]>>(1)?.map(Bytes::copy_from_slice)));
    client.query(&query, &[]).await?.iter().map(key).collect()
}

/// Counts the records, and reads the oldest without its payload.
pub(super) async fn summary(client: &ClientWrapper) -> Result<UnsentSummary, StoreError> {
    let count = client.prepare_cached("SELECT count(*) FROM unsent").await?;
    let count = unsigned(&client.query_one(&count, &[]).await?, 0)?;
    let oldest = client
        .prepare_cached(
            "SELECT position, id, attempts, error, due, topic, key, headers, ''::bytea FROM unsent
             ORDER BY position LIMIT 1",
        )
        .await?;
    let oldest = client.query_opt(&oldest, &[]).await?.as_ref().map(read).transpose()?;
    Ok(UnsentSummary { count, oldest })
}

/// Deletes accepted records and reschedules others.
pub(super) async fn update(
    client: &mut ClientWrapper,
    sent: &[i64],
    rescheduled: &[Rescheduled],
) -> Result<(), StoreError> {
    let delete = client.prepare_cached("DELETE FROM unsent WHERE position = ANY($1)").await?;
    let update = client
        .prepare_cached(
            "UPDATE unsent SET attempts = new.attempts, error = new.error, due = new.due
             FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[])
                  AS new (position, attempts, error, due)
             WHERE unsent.position = new.position",
        )
        .await?;
    let columns = RescheduledColumns::of(rescheduled);
    let transaction = client.transaction().await?;
    transaction.execute(&delete, &[&sent]).await?;
    transaction.execute(&update, &columns.parameters()).await?;
    Ok(transaction.commit().await?)
}
