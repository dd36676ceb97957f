//! Read-only queries.

use bytes::Bytes;
use cloudevent::{CorrelationId, EventId};
use decider::StreamId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::{
    AsOf, Listing, NewIntent, NewOutboxRow, OpenIntent, OutboxRow, Page, Snapshot, StoreError, StoredEvent,
    StoredStream, StreamHead, StreamRequest, headers::unpack,
};

/// A row of the table `streams`.
struct Head {
    id: i64,
    version: u64,
    correlation: Uuid,
    trace: String,
}

fn head(connection: &Connection, stream: &StreamId) -> Result<Option<Head>, StoreError> {
    let mut query = connection.prepare_cached("SELECT id, version, correlation, trace FROM streams WHERE name = ?")?;
    let read =
        |row: &Row| Ok(Head { id: row.get(0)?, version: row.get(1)?, correlation: uuid(row, 2)?, trace: row.get(3)? });
    Ok(query.query_row([stream.as_str()], read).optional()?)
}

/// Loads the latest snapshot up to a point and the events after it up to that point.
pub(super) fn stream(connection: &Connection, stream: &StreamId, as_of: AsOf) -> Result<StoredStream, StoreError> {
    let Some(head) = head(connection, stream)? else { return Ok(StoredStream::default()) };
    let max_version = match as_of {
        AsOf::Latest => head.version,
        AsOf::Version(version) => version.min(head.version),
        AsOf::Time(time) => version_at(connection, head.id, time)?,
    };
    from_snapshot(connection, head, max_version)
}

/// Loads a stream for a transaction: all of it, or only the events after the known version. There are none if no other
/// process has written to the database.
pub(super) fn since(
    connection: &Connection,
    request: &StreamRequest,
    is_only_writer: bool,
) -> Result<StoredStream, StoreError> {
    if is_only_writer && request.known > 0 {
        return Ok(StoredStream { version: request.known, ..StoredStream::default() });
    }
    match head(connection, &request.stream)? {
        None => Ok(StoredStream::default()),
        Some(head) if request.skip_snapshot => {
            let events = events(connection, head.id, 0, head.version)?;
            Ok(head.stored(0, None, events))
        }
        Some(head) if request.known == 0 => {
            let max_version = head.version;
            from_snapshot(connection, head, max_version)
        }
        Some(head) => {
            let is_new = head.version > request.known;
            let events = if is_new { events(connection, head.id, request.known, head.version)? } else { vec![] };
            Ok(head.stored(request.known, None, events))
        }
    }
}

fn from_snapshot(connection: &Connection, head: Head, max_version: u64) -> Result<StoredStream, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT version, time_us, state FROM snapshots WHERE stream = ? AND version <= ? ORDER BY version DESC LIMIT 1",
    )?;
    let read = |row: &Row| Ok(Snapshot { version: row.get(0)?, time: time(row, 1)?, state: row.get(2)? });
    let snapshot = query.query_row(params![head.id, max_version], read).optional()?;
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
    let events = events(connection, head.id, after, max_version)?;
    Ok(head.stored(after, snapshot, events))
}

/// Reads the events of a stream after one version, up to another.
fn events(connection: &Connection, stream: i64, after: u64, up_to: u64) -> Result<Vec<StoredEvent>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT version, id, name, schema, data, time_us, correlation, causation FROM events
         WHERE stream = ? AND version > ? AND version <= ? ORDER BY version",
    )?;
    let events = query.query_map(params![stream, after, up_to], event)?;
    Ok(events.collect::<Result<_, _>>()?)
}

impl Head {
    fn stored(self, after: u64, snapshot: Option<Snapshot>, events: Vec<StoredEvent>) -> StoredStream {
        let version = events.last().map_or(after, |event| event.version);
        StoredStream {
            version,
            correlation_id: Some(CorrelationId(self.correlation)),
            trace: self.trace,
            snapshot,
            events,
        }
    }
}

/// Returns the version as of a time. All events before it are included, even if a clock that ran backwards gave them a later
/// time.
fn version_at(connection: &Connection, stream: i64, time: Timestamp) -> Result<u64, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT coalesce(max(version), 0) FROM events WHERE stream = ? AND time_us <= ?")?;
    Ok(query.query_row(params![stream, time.as_microsecond()], |row| row.get(0))?)
}

/// Reads events of a stream regardless of snapshots.
pub(super) fn history(
    connection: &Connection,
    stream: &StreamId,
    after: u64,
    limit: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    let Some(head) = head(connection, stream)? else { return Ok(vec![]) };
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    events(connection, head.id, after, after.saturating_add(limit).min(head.version))
}

/// Lists a page of the streams of a category.
pub(super) fn list(connection: &Connection, listing: &Listing) -> Result<Page, StoreError> {
    let status = if listing.status.is_some() { "status = ?2" } else { "?2 IS NULL" };
    let mut query = connection.prepare_cached(&format!(
        "SELECT id, name, version, status FROM streams WHERE category = ?1 AND {status} AND id < ?3
         ORDER BY id DESC LIMIT ?4"
    ))?;
    let before = listing.before.unwrap_or(i64::MAX);
    let rows = query.query_map(params![listing.category, listing.status, before, listing.limit], |row| {
        let stream = StreamId::parse(row.get(1)?).ok_or(rusqlite::Error::InvalidQuery)?;
        Ok((row.get::<_, i64>(0)?, StreamHead { stream, version: row.get(2)?, status: row.get(3)? }))
    })?;
    let (ids, heads): (Vec<_>, Vec<_>) = rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let next = if heads.len() == listing.limit { ids.last().copied() } else { None };
    Ok(Page { heads, next })
}

/// Reads outbox rows after a position.
pub(super) fn outbox(connection: &Connection, after: i64, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT position, topic, key, headers, payload FROM outbox WHERE position > ? ORDER BY position LIMIT ?",
    )?;
    let rows = query.query_map(params![after, limit], |row| {
        let headers: Vec<u8> = row.get(3)?;
        let record = NewOutboxRow {
            topic: row.get(1)?,
            key: row.get::<_, Option<Vec<u8>>>(2)?.map(Bytes::from),
            headers: unpack(&headers).ok_or(rusqlite::Error::InvalidQuery)?,
            payload: row.get::<_, Vec<u8>>(4)?.into(),
        };
        Ok(OutboxRow { position: row.get(0)?, record })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts the outbox rows.
pub(super) fn outbox_len(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.prepare_cached("SELECT count(*) FROM outbox")?.query_row([], |row| row.get(0))?)
}

/// Returns the commit time of the oldest outbox row.
pub(super) fn outbox_oldest(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut query = connection.prepare_cached("SELECT committed_us FROM outbox ORDER BY position LIMIT 1")?;
    let oldest = query.query_row([], |row| row.get(0)).optional()?;
    Ok(oldest.and_then(|oldest| Timestamp::from_microsecond(oldest).ok()))
}

/// Reads open intents after a position.
pub(super) fn intents(connection: &Connection, after: i64, limit: usize) -> Result<Vec<OpenIntent>, StoreError> {
    let mut query = connection
        .prepare_cached("SELECT position, event, body FROM intents WHERE position > ? ORDER BY position LIMIT ?")?;
    let rows = query.query_map(params![after, limit], |row| {
        let intent = NewIntent { event_id: EventId(uuid(row, 1)?), body: row.get(2)? };
        Ok(OpenIntent { position: row.get(0)?, intent })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts the open intents.
pub(super) fn intents_len(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.prepare_cached("SELECT count(*) FROM intents")?.query_row([], |row| row.get(0))?)
}

/// Counts the streams with due timers.
pub(super) fn due_len(connection: &Connection, now: Timestamp) -> Result<u64, StoreError> {
    let mut query = connection.prepare_cached("SELECT count(*) FROM streams WHERE due_us <= ?")?;
    Ok(query.query_row([now.as_microsecond()], |row| row.get(0))?)
}

/// Lists streams with due timers.
pub(super) fn due(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<StreamId>, StoreError> {
    let mut query = connection.prepare_cached("SELECT name FROM streams WHERE due_us <= ? ORDER BY due_us LIMIT ?")?;
    let names = query.query_map(params![now.as_microsecond(), limit], |row| row.get(0))?;
    Ok(names.collect::<Result<Vec<String>, _>>()?.into_iter().filter_map(StreamId::parse).collect())
}

fn event(row: &Row) -> rusqlite::Result<StoredEvent> {
    let causation: Option<[u8; 16]> = row.get(7)?;
    Ok(StoredEvent {
        version: row.get(0)?,
        id: EventId(uuid(row, 1)?),
        name: row.get(2)?,
        schema: row.get(3)?,
        data: row.get(4)?,
        time: time(row, 5)?,
        correlation_id: CorrelationId(uuid(row, 6)?),
        causation_id: causation.map(|id| EventId(Uuid::from_bytes(id))),
    })
}

fn time(row: &Row, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|_| rusqlite::Error::InvalidQuery)
}

fn uuid(row: &Row, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}
