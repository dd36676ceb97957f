//! The tail of the log.
//!
//! Several transactions append at a time, and each takes one block of positions when it writes, so a reader may see a block
//! before an earlier one is committed. A reader therefore stops at a missing block. The block belongs to a transaction that
//! will commit soon, or to one that was rolled back. A transaction locks [`keys::LOG`] before it takes a block, shared with
//! other such transactions, and until its end. Once all transactions that held this lock when the block was found missing have
//! ended, the block is either visible or never will be.

use std::{collections::HashSet, time::Duration};

use deadpool_postgres::ClientWrapper;
use decider::StreamId;
use tokio::time::sleep;
use tokio_postgres::Row;

use super::{
    convert::{size, unsigned},
    keys, read,
};
use crate::{IntentPage, LogEntry, LogPage, LogRange, NewIntent, OpenIntent, StoreError, Unpublished};

/// Binary logarithm of the number of positions in a block.
const BLOCK_BITS: u32 = 16;
/// Number of positions in a block, the maximum number of events of a transaction.
pub(super) const BLOCK_LEN: i64 = 1 << BLOCK_BITS;
/// Maximum blocks per page.
const BLOCKS_MAX: usize = 1_000;
/// Time between checks for the end of a transaction with a missing block.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The positions of a block.
pub(super) fn range(block: i64) -> LogRange {
    LogRange { after: block << BLOCK_BITS, through: (block + 1) << BLOCK_BITS }
}

/// Reads public events after a position.
pub(super) async fn tail(client: &ClientWrapper, after: i64, limit: usize) -> Result<LogPage, StoreError> {
    let (through, is_cut) = complete_through(client, after).await?;
    let query = client
        .prepare_cached(
            "SELECT events.version, events.id, events.name, events.schema, events.data, events.time, events.correlation,
                    events.causation, events.sequence, events.hops, events.trace, events.position, streams.name
             FROM events JOIN streams ON streams.id = events.stream
             WHERE events.position > $1 AND events.position <= $2 AND events.sequence IS NOT NULL
             ORDER BY events.position LIMIT $3",
        )
        .await?;
    let rows = client.query(&query, &[&after, &through, &size(limit)]).await?;
    let entries = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let last = entries.last().filter(|_| entries.len() == limit).map(|entry| entry.position);
    Ok(LogPage { entries, through: last.unwrap_or(through), has_more: is_cut || last.is_some() })
}

fn entry(row: &Row) -> Result<LogEntry, StoreError> {
    let stream = StreamId::parse(row.try_get(12)?).ok_or(StoreError::Unreadable("stream name"))?;
    Ok(LogEntry { position: row.try_get(11)?, stream, event: read::event(row)? })
}

/// Reads open intents after a position. Up to the cursor no event can appear, because the leader has passed it.
pub(super) async fn intents(client: &ClientWrapper, after: i64, limit: usize) -> Result<IntentPage, StoreError> {
    let (through, is_cut) = complete_through(client, after.max(cursor(client).await?)).await?;
    let query = client
        .prepare_cached(
            "SELECT position, event, body FROM intents WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3",
        )
        .await?;
    let rows = client.query(&query, &[&after, &through, &size(limit)]).await?;
    let intent = |row: &Row| {
        let intent = NewIntent { event_id: cloudevent::EventId(row.try_get(1)?), body: row.try_get(2)? };
        Ok::<_, StoreError>(OpenIntent { position: row.try_get(0)?, intent })
    };
    let intents = rows.iter().map(intent).collect::<Result<Vec<_>, _>>()?;
    let last = intents.last().filter(|_| intents.len() == limit).map(|intent| intent.position);
    Ok(IntentPage { intents, through: last.unwrap_or(through), has_more: is_cut || last.is_some() })
}

/// Returns the position up to which Kafka has all public events.
pub(super) async fn cursor(client: &ClientWrapper) -> Result<i64, StoreError> {
    let query = client.prepare_cached("SELECT position FROM published").await?;
    Ok(client.query_one(&query, &[]).await?.try_get(0)?)
}

/// Counts the public events up to the cursor.
pub(super) async fn published_len(client: &ClientWrapper) -> Result<u64, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT greatest(0, count(sequence) - (SELECT count(*) FROM unsent)) FROM events
             WHERE position <= (SELECT position FROM published)",
        )
        .await?;
    Ok(unsigned(&client.query_one(&query, &[]).await?, 0)?)
}

/// Counts the public events after the cursor.
pub(super) async fn unpublished(client: &ClientWrapper) -> Result<Unpublished, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT count(*), min(time) FROM events
             WHERE position > (SELECT position FROM published) AND sequence IS NOT NULL",
        )
        .await?;
    let row = client.query_one(&query, &[]).await?;
    Ok(Unpublished { count: unsigned(&row, 0)?, oldest: row.try_get(1)? })
}

/// Returns the position up to which no event can appear any more, beginning at a position for which this holds, and whether
/// there are events behind it.
async fn complete_through(client: &ClientWrapper, after: i64) -> Result<(i64, bool), StoreError> {
    let mut gap: Option<Gap> = None;
    loop {
        let closed = gap.as_ref().filter(|gap| gap.writers.is_empty()).map(|gap| gap.before);
        let blocks = blocks(client, after).await?;
        let Some(last) = blocks.last() else { return Ok((after, false)) };
        if let Some(end) = end_of_run(&blocks, next_block(after), closed) {
            let is_cut = *last >= end || blocks.len() == BLOCKS_MAX;
            return Ok((end << BLOCK_BITS, is_cut));
        }
        let running = running_writers(client).await?;
        let gap = gap.get_or_insert_with(|| Gap { before: *last, writers: running.clone() });
        gap.writers.retain(|writer| running.contains(writer));
        if !gap.writers.is_empty() {
            sleep(POLL_INTERVAL).await;
        }
    }
}

/// Missing blocks before a visible one.
struct Gap {
    /// The last visible block. All blocks before it had been taken when the gap was found.
    before: i64,
    /// Those transactions that may have taken the missing blocks and have not ended.
    writers: HashSet<String>,
}

/// Returns the block with the first position that a reader has not passed. A reader in the middle of a block has seen the
/// block, all events of which became visible together.
fn next_block(after: i64) -> i64 {
    after.saturating_add(BLOCK_LEN - 1) >> BLOCK_BITS
}

/// Returns the block after the first visible blocks that follow each other, or `None` if the first is after a gap. There is no
/// gap up to the block `closed`.
fn end_of_run(blocks: &[i64], next: i64, closed: Option<i64>) -> Option<i64> {
    let mut end = next;
    for block in blocks {
        if *block > end && closed.is_none_or(|closed| *block > closed) {
            break;
        }
        end = block + 1;
    }
    blocks.first().is_some_and(|first| *first < end).then_some(end)
}

/// Returns the first blocks with visible events after a position. Looks each one up in the index, because a backlog can have
/// many events.
async fn blocks(client: &ClientWrapper, after: i64) -> Result<Vec<i64>, StoreError> {
    let query = client
        .prepare_cached(
            "WITH RECURSIVE blocks AS (
                 (SELECT (position - 1) >> 16 AS block FROM events WHERE position > $1 ORDER BY position LIMIT 1)
                 UNION ALL
                 SELECT next.block FROM blocks CROSS JOIN LATERAL
                     (SELECT (position - 1) >> 16 AS block FROM events WHERE position > (blocks.block + 1) << 16
                      ORDER BY position LIMIT 1) AS next)
             SELECT block FROM blocks LIMIT $2",
        )
        .await?;
    let rows = client.query(&query, &[&after, &size(BLOCKS_MAX)]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// Returns the running transactions that may have taken a block.
async fn running_writers(client: &ClientWrapper) -> Result<HashSet<String>, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT virtualtransaction FROM pg_locks
             WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32) + objid::bigint = $1
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await?;
    let rows = client.query(&query, &[&keys::LOG]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}
