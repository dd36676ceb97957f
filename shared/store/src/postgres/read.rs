//! Read-only queries.

use bytes::Bytes;
use cloudevent::{CorrelationId, EventId};
use deadpool_postgres::ClientWrapper;
use decider::StreamId;
use jiff::Timestamp;
use tokio_postgres::{Error, Row};

use super::convert::{signed, size, unsigned};
use crate::{
    AsOf, Head, Listing, MessageIds, Page, Publication, RecordData, Snapshot, StoreError, StoredEvent, StoredStream,
    StreamSummary, headers::unpack,
};

/// Earliest time to query. PostgreSQL's range starts later than that of `Timestamp`.
const BEGINNING: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// Loads the latest snapshot up to a point and the events after it up to that point.
///
/// The version as of a time is that of the last event with this time or an earlier one. All events before it are included,
/// even if a clock that ran backwards gave them a later time.
pub(super) async fn stream(client: &ClientWrapper, stream: &StreamId, as_of: AsOf) -> Result<StoredStream, StoreError> {
    let (version, time, event_id) = match as_of {
        AsOf::Latest => (i64::MAX, None, None),
        AsOf::Version(version) => (i64::try_from(version).unwrap_or(i64::MAX), None, None),
        AsOf::Time(time) => (i64::MAX, Some(time.max(BEGINNING)), None),
        AsOf::Event(event) => (i64::MAX, None, Some(event.0)),
    };
    let query = client
        .prepare_cached(
            "SELECT streams.id, last.version, from_here.version, from_here.time, from_here.state,
                    streams.version, streams.correlation, streams.trace, streams.published, streams.processed, streams.wave
             FROM streams
             CROSS JOIN LATERAL (SELECT CASE
                 WHEN $3::timestamptz IS NOT NULL THEN (SELECT coalesce(max(events.version), 0) FROM events
                     WHERE events.stream = streams.id AND events.time <= $3)
                 WHEN $4::uuid IS NOT NULL THEN (SELECT coalesce(max(events.version), 0) FROM events
                     WHERE events.stream = streams.id AND events.id = $4)
                 ELSE least(streams.version, $2) END AS version) AS last
             LEFT JOIN LATERAL (SELECT snapshots.version, snapshots.time, snapshots.state FROM snapshots
                                WHERE snapshots.stream = streams.id AND snapshots.version <= last.version
                                ORDER BY snapshots.version DESC LIMIT 1) AS from_here ON true
             WHERE streams.name = $1",
        )
        .await?;
    let Some(row) = client.query_opt(&query, &[&stream.as_str(), &version, &time, &event_id]).await? else {
        return Ok(StoredStream::default());
    };
    let (id, last): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let after: Option<i64> = row.try_get(2)?;
    let snapshot = after.map(|_| snapshot(&row)).transpose()?;

    let query = client
        .prepare_cached(
            "SELECT version, id, name, schema, data, time, correlation, causation, sequence, hops, trace FROM events
             WHERE stream = $1 AND version > $2 AND version <= $3 ORDER BY version",
        )
        .await?;
    let after = after.unwrap_or(0);
    let events = client.query(&query, &[&id, &after, &last]).await?;
    let events = events.iter().map(event).collect::<Result<Vec<_>, _>>()?;
    let version = events.last().map_or(after.unsigned_abs(), |event| event.version);
    let (_, head) = head(&row, 5)?;
    Ok(StoredStream { version, head: Some(head), snapshot, events })
}

fn snapshot(row: &Row) -> Result<Snapshot, Error> {
    Ok(Snapshot { version: unsigned(row, 2)?, time: row.try_get(3)?, state: row.try_get(4)? })
}

/// Reads the version and the head of a stream from consecutive columns: version, correlation, trace, published, processed and
/// wave.
pub(super) fn head(row: &Row, column: usize) -> Result<(u64, Head), Error> {
    let version = unsigned(row, column)?;
    let head = Head {
        correlation_id: if version > 0 { Some(CorrelationId(row.try_get(column + 1)?)) } else { None },
        trace: row.try_get(column + 2)?,
        published: unsigned(row, column + 3)?,
        processed: MessageIds::from_bytes(row.try_get(column + 4)?),
        wave: row.try_get(column + 5)?,
    };
    Ok((version, head))
}

/// Reads events of a stream regardless of snapshots.
pub(super) async fn history(
    client: &ClientWrapper,
    stream: &StreamId,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT version, id, name, schema, data, time, correlation, causation, sequence, hops, trace
             FROM events WHERE stream = (SELECT id FROM streams WHERE name = $1) AND version > $2
             ORDER BY version LIMIT $3",
        )
        .await?;
    let events = client.query(&query, &[&stream.as_str(), &signed(after), &size(limit)]).await?;
    Ok(events.iter().map(event).collect::<Result<_, _>>()?)
}

/// Lists a page of the streams of a category.
pub(super) async fn list(client: &ClientWrapper, listing: &Listing) -> Result<Page, StoreError> {
    let status = if listing.status.is_some() { "status = $2" } else { "$2::text IS NULL" };
    let query = client
        .prepare_cached(&format!(
            "SELECT id, name, version, status FROM streams WHERE category = $1 AND {status} AND id < $3 AND version > 0
             ORDER BY id DESC LIMIT $4"
        ))
        .await?;
    let before = listing.before.unwrap_or(i64::MAX);
    let rows = client.query(&query, &[&listing.category, &listing.status, &before, &size(listing.limit)]).await?;
    let next = rows.last().filter(|_| rows.len() == listing.limit).map(|row| row.try_get(0)).transpose()?;
    let mut heads = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(stream) = StreamId::parse(row.try_get(1)?) {
            heads.push(StreamSummary { stream, version: unsigned(row, 2)?, status: row.try_get(3)? });
        }
    }
    Ok(Page { heads, next })
}

/// Reads a record whose topic is in this column.
pub(super) fn record(row: &Row, column: usize) -> Result<RecordData, StoreError> {
    let headers: &[u8] = row.try_get(column + 2)?;
    let payload: &[u8] = row.try_get(column + 3)?;
    Ok(RecordData {
        topic: row.try_get(column)?,
        key: row.try_get::<_, Option<&[u8]>>(column + 1)?.map(Bytes::copy_from_slice),
        headers: unpack(headers).ok_or(StoreError::Unreadable("headers of a stored record"))?,
        payload: Bytes::copy_from_slice(payload),
    })
}

/// Counts the open intents.
pub(super) async fn intents_len(client: &ClientWrapper) -> Result<u64, StoreError> {
    let query = client.prepare_cached("SELECT count(*) FROM intents").await?;
    Ok(unsigned(&client.query_one(&query, &[]).await?, 0)?)
}

/// Counts the streams with due timers.
pub(super) async fn due_len(client: &ClientWrapper, now: Timestamp) -> Result<u64, StoreError> {
    let query = client.prepare_cached("SELECT count(*) FROM streams WHERE due <= $1").await?;
    Ok(unsigned(&client.query_one(&query, &[&now]).await?, 0)?)
}

/// Lists streams with due timers.
pub(super) async fn due(client: &ClientWrapper, now: Timestamp, limit: usize) -> Result<Vec<StreamId>, StoreError> {
    let query = client.prepare_cached("SELECT name FROM streams WHERE due <= $1 ORDER BY due LIMIT $2").await?;
    let rows = client.query(&query, &[&now, &size(limit)]).await?;
    let names = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    Ok(names.into_iter().filter_map(StreamId::parse).collect())
}

/// Reads an event whose first column is the version.
pub(super) fn event(row: &Row) -> Result<StoredEvent, Error> {
    let sequence: Option<i64> = row.try_get(8)?;
    let publication = match sequence {
        Some(sequence) => Some(Publication {
            sequence: sequence.unsigned_abs(),
            hops: u32::try_from(row.try_get::<_, i64>(9)?).unwrap_or(u32::MAX),
            trace: row.try_get(10)?,
        }),
        None => None,
    };
    Ok(StoredEvent {
        version: unsigned(row, 0)?,
        id: EventId(row.try_get(1)?),
        name: row.try_get::<_, String>(2)?.into(),
        schema: row.try_get::<_, String>(3)?.into(),
        data: row.try_get(4)?,
        time: row.try_get(5)?,
        correlation_id: CorrelationId(row.try_get(6)?),
        causation_id: row.try_get::<_, Option<_>>(7)?.map(EventId),
        publication,
    })
}
