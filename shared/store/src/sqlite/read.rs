//! Read-only queries.

use bytes::Bytes;
use cloudevent::{CorrelationId, EventId};
use decider::StreamId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::{
    AsOf, Head, IntentPage, Listing, LogEntry, LogPage, MessageIds, NewIntent, OpenIntent, Page, Publication,
    RecordData, Snapshot, StoreError, StoredEvent, StoredStream, StreamRequest, StreamSummary, Unpublished,
    headers::unpack,
};

/// A row of the table `streams`.
struct StreamRow {
    id: i64,
    version: u64,
    head: Head,
}

fn stream_row(connection: &Connection, stream: &StreamId) -> Result<Option<StreamRow>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT id, version, correlation, trace, published, processed, wave FROM streams WHERE name = ?",
    )?;
    let read = |row: &Row| {
        let version: u64 = row.get(1)?;
        let correlation_id = if version > 0 { Some(CorrelationId(uuid(row, 2)?)) } else { None };
        let head = Head {
            correlation_id,
            trace: row.get(3)?,
            published: row.get(4)?,
            processed: MessageIds::from_bytes(row.get(5)?),
            wave: row.get::<_, Option<[u8; 16]>>(6)?.map(Uuid::from_bytes),
        };
        Ok(StreamRow { id: row.get(0)?, version, head })
    };
    Ok(query.query_row([stream.as_str()], read).optional()?)
}

/// Loads the latest snapshot up to a point and the events after it up to that point.
pub(super) fn stream(connection: &Connection, stream: &StreamId, as_of: AsOf) -> Result<StoredStream, StoreError> {
    let Some(row) = stream_row(connection, stream)? else { return Ok(StoredStream::default()) };
    let max_version = match as_of {
        AsOf::Latest => row.version,
        AsOf::Version(version) => version.min(row.version),
        AsOf::Time(time) => version_at(connection, row.id, time)?,
        AsOf::Event(event) => version_of(connection, row.id, event)?,
    };
    from_snapshot(connection, row, max_version)
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
    match stream_row(connection, &request.stream)? {
        None => Ok(StoredStream::default()),
        Some(row) if request.skip_snapshot => {
            let events = events(connection, row.id, 0, row.version)?;
            Ok(row.stored(0, None, events))
        }
        Some(row) if request.known == 0 => {
            let max_version = row.version;
            from_snapshot(connection, row, max_version)
        }
        Some(row) => {
            let is_new = row.version > request.known;
            let events = if is_new { events(connection, row.id, request.known, row.version)? } else { vec![] };
            Ok(row.stored(request.known, None, events))
        }
    }
}

fn from_snapshot(connection: &Connection, stream: StreamRow, max_version: u64) -> Result<StoredStream, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT version, time_us, state FROM snapshots WHERE stream = ? AND version <= ? ORDER BY version DESC LIMIT 1",
    )?;
    let read = |row: &Row| Ok(Snapshot { version: row.get(0)?, time: time(row, 1)?, state: row.get(2)? });
    let snapshot = query.query_row(params![stream.id, max_version], read).optional()?;
    let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
    let events = events(connection, stream.id, after, max_version)?;
    Ok(stream.stored(after, snapshot, events))
}

/// Reads the events of a stream after one version, up to another.
fn events(connection: &Connection, stream: i64, after: u64, up_to: u64) -> Result<Vec<StoredEvent>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT version, id, name, schema, data, time_us, correlation, causation, sequence, hops, trace FROM events
         WHERE stream = ? AND version > ? AND version <= ? ORDER BY version",
    )?;
    let events = query.query_map(params![stream, after, up_to], event)?;
    Ok(events.collect::<Result<_, _>>()?)
}

impl StreamRow {
    fn stored(self, after: u64, snapshot: Option<Snapshot>, events: Vec<StoredEvent>) -> StoredStream {
        let version = events.last().map_or(after, |event| event.version);
        StoredStream { version, head: Some(self.head), snapshot, events }
    }
}

/// Returns the version of an event, or 0 if the stream has no such event.
fn version_of(connection: &Connection, stream: i64, event: EventId) -> Result<u64, StoreError> {
    let mut query = connection.prepare_cached("SELECT version FROM events WHERE stream = ? AND id = ?")?;
    let version = query.query_row(params![stream, event.0.as_bytes()], |row| row.get(0)).optional()?;
    Ok(version.unwrap_or(0))
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
    let Some(row) = stream_row(connection, stream)? else { return Ok(vec![]) };
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    events(connection, row.id, after, after.saturating_add(limit).min(row.version))
}

/// Lists a page of the streams of a category.
pub(super) fn list(connection: &Connection, listing: &Listing) -> Result<Page, StoreError> {
    let status = if listing.status.is_some() { "status = ?2" } else { "?2 IS NULL" };
    let mut query = connection.prepare_cached(&format!(
        "SELECT id, name, version, status FROM streams WHERE category = ?1 AND {status} AND id < ?3 AND version > 0
         ORDER BY id DESC LIMIT ?4"
    ))?;
    let before = listing.before.unwrap_or(i64::MAX);
    let rows = query.query_map(params![listing.category, listing.status, before, listing.limit], |row| {
        let stream = StreamId::parse(row.get(1)?).ok_or(rusqlite::Error::InvalidQuery)?;
        Ok((row.get::<_, i64>(0)?, StreamSummary { stream, version: row.get(2)?, status: row.get(3)? }))
    })?;
    let (ids, heads): (Vec<_>, Vec<_>) = rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let next = if heads.len() == listing.limit { ids.last().copied() } else { None };
    Ok(Page { heads, next })
}

/// Reads public events after a position. One writer at a time appends, so the log has no gaps that could be filled later.
pub(super) fn tail(connection: &Connection, after: i64, limit: usize) -> Result<LogPage, StoreError> {
    let mut end = connection.prepare_cached("SELECT coalesce(max(position), 0) FROM events")?;
    let end: i64 = end.query_row([], |row| row.get(0))?;
    let mut query = connection.prepare_cached(
        "SELECT events.version, events.id, events.name, events.schema, events.data, events.time_us, events.correlation,
                events.causation, events.sequence, events.hops, events.trace, events.position, streams.name
         FROM events JOIN streams ON streams.id = events.stream
         WHERE events.position > ? AND events.position <= ? AND events.sequence IS NOT NULL
         ORDER BY events.position LIMIT ?",
    )?;
    let entries = query.query_map(params![after, end, limit], |row| {
        let stream = StreamId::parse(row.get(12)?).ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(LogEntry { position: row.get(11)?, stream, event: event(row)? })
    })?;
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let last = entries.last().filter(|_| entries.len() == limit).map(|entry| entry.position);
    Ok(LogPage { entries, through: last.unwrap_or(end).max(after), has_more: last.is_some() })
}

/// Reads a record from consecutive columns: topic, key, headers and payload.
pub(super) fn record(row: &Row, column: usize) -> rusqlite::Result<RecordData> {
    let headers: Vec<u8> = row.get(column + 2)?;
    Ok(RecordData {
        topic: row.get(column)?,
        key: row.get::<_, Option<Vec<u8>>>(column + 1)?.map(Bytes::from),
        headers: unpack(&headers).ok_or(rusqlite::Error::InvalidQuery)?,
        payload: row.get::<_, Vec<u8>>(column + 3)?.into(),
    })
}

/// Returns the position up to which Kafka has all public events.
pub(super) fn cursor(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("SELECT position FROM published")?.query_row([], |row| row.get(0))?)
}

/// Counts the public events up to the cursor.
pub(super) fn published_len(connection: &Connection) -> Result<u64, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT max(0, count(sequence) - (SELECT count(*) FROM unsent)) FROM events
         WHERE position <= (SELECT position FROM published)",
    )?;
    Ok(query.query_row([], |row| row.get(0))?)
}

/// Counts the public events after the cursor.
pub(super) fn unpublished(connection: &Connection) -> Result<Unpublished, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT count(*), min(time_us) FROM events
         WHERE position > (SELECT position FROM published) AND sequence IS NOT NULL",
    )?;
    let (count, oldest): (u64, Option<i64>) = query.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Unpublished { count, oldest: oldest.and_then(|oldest| Timestamp::from_microsecond(oldest).ok()) })
}

/// Reads open intents after a position.
pub(super) fn intents(connection: &Connection, after: i64, limit: usize) -> Result<IntentPage, StoreError> {
    let mut end = connection.prepare_cached("SELECT coalesce(max(position), 0) FROM events")?;
    let end: i64 = end.query_row([], |row| row.get(0))?;
    let mut query = connection.prepare_cached(
        "SELECT position, event, body FROM intents WHERE position > ? AND position <= ? ORDER BY position LIMIT ?",
    )?;
    let rows = query.query_map(params![after, end, limit], |row| {
        let intent = NewIntent { event_id: EventId(uuid(row, 1)?), body: row.get(2)? };
        Ok(OpenIntent { position: row.get(0)?, intent })
    })?;
    let intents = rows.collect::<Result<Vec<_>, _>>()?;
    let last = intents.last().filter(|_| intents.len() == limit).map(|intent| intent.position);
    Ok(IntentPage { intents, through: last.unwrap_or(end).max(after), has_more: last.is_some() })
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
    let sequence: Option<u64> = row.get(8)?;
    let publication = match sequence {
        Some(sequence) => Some(Publication { sequence, hops: row.get(9)?, trace: row.get(10)? }),
        None => None,
    };
    Ok(StoredEvent {
        version: row.get(0)?,
        id: EventId(uuid(row, 1)?),
        name: row.get::<_, String>(2)?.into(),
        schema: row.get::<_, String>(3)?.into(),
        data: row.get(4)?,
        time: time(row, 5)?,
        correlation_id: CorrelationId(uuid(row, 6)?),
        causation_id: causation.map(|id| EventId(Uuid::from_bytes(id))),
        publication,
    })
}

fn time(row: &Row, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|_| rusqlite::Error::InvalidQuery)
}

fn uuid(row: &Row, column: usize) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}
