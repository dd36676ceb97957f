//! Dead letters.

use std::collections::HashSet;

use deadpool_postgres::ClientWrapper;
use futures::try_join;
use tokio_postgres::{Error, types::ToSql};
use uuid::Uuid;

use super::{
    convert::{size, unsigned},
    open_transaction::OpenTransaction,
    read::record,
};
use crate::{DEAD_LETTERS_KEPT, DeadLetter, StoreError, Writes, headers::pack};

/// Inserts and deletes dead letters. A new one replaces an earlier one of the same id.
pub(super) async fn write(open: &OpenTransaction, writes: &Writes) -> Result<(), Error> {
    let letters = last_of_each(&writes.dead_letters);
    let ids: Vec<Uuid> = letters.iter().map(|letter| letter.id).collect();
    let replaced: Vec<Uuid> = ids.iter().chain(&writes.redriven).copied().collect();
    let insert = async {
        if letters.is_empty() {
            return Ok(0);
        }
        let topics: Vec<_> = letters.iter().map(|letter| letter.record.topic.as_str()).collect();
        let keys: Vec<_> = letters.iter().map(|letter| letter.record.key.as_deref()).collect();
        let headers: Vec<_> = letters.iter().map(|letter| pack(&letter.record.headers)).collect();
        let payloads: Vec<_> = letters.iter().map(|letter| &*letter.record.payload).collect();
        let parameters: [&(dyn ToSql + Sync); 5] = [&ids, &topics, &keys, &headers, &payloads];
        open.client().execute(&open.statements.insert_dead_letters, &parameters).await
    };
    try_join!(open.execute_if_any(&replaced, &open.statements.delete_dead_letters), insert)?;
    Ok(())
}

/// The last dead letter of each id, because a statement cannot insert two with the same id.
fn last_of_each(letters: &[DeadLetter]) -> Vec<&DeadLetter> {
    let mut ids = HashSet::new();
    let mut last: Vec<_> = letters.iter().rev().filter(|letter| ids.insert(letter.id)).collect();
    last.reverse();
    last
}

/// Reads the oldest dead letters that are not published.
pub(super) async fn unpublished(client: &ClientWrapper, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT id, topic, key, headers, payload FROM dead_letters WHERE NOT is_published ORDER BY position LIMIT $1",
        )
        .await?;
    let rows = client.query(&query, &[&size(limit)]).await?;
    rows.iter().map(|row| Ok(DeadLetter { id: row.try_get(0)?, record: record(row, 1)? })).collect()
}

/// Marks dead letters as published, and deletes the oldest published ones beyond the limit.
pub(super) async fn mark_published(client: &mut ClientWrapper, ids: &[Uuid]) -> Result<(), StoreError> {
    let mark = client.prepare_cached("UPDATE dead_letters SET is_published = true WHERE id = ANY($1)").await?;
    let delete = client
        .prepare_cached(
            "DELETE FROM dead_letters WHERE is_published AND position <=
                 (SELECT position FROM dead_letters WHERE is_published ORDER BY position DESC LIMIT 1 OFFSET $1)",
        )
        .await?;
    let transaction = client.transaction().await?;
    transaction.execute(&mark, &[&ids]).await?;
    transaction.execute(&delete, &[&size(DEAD_LETTERS_KEPT)]).await?;
    Ok(transaction.commit().await?)
}

/// Counts the published dead letters, without those that are unsent.
pub(super) async fn published_len(client: &ClientWrapper) -> Result<u64, StoreError> {
    let query = client
        .prepare_cached(
            "SELECT greatest(0, count(*) - (SELECT count(*) FROM unsent)) FROM dead_letters WHERE is_published",
        )
        .await?;
    Ok(unsigned(&client.query_one(&query, &[]).await?, 0)?)
}

/// Marks all dead letters as not published.
pub(super) async fn republish(client: &ClientWrapper) -> Result<(), StoreError> {
    let update = client.prepare_cached("UPDATE dead_letters SET is_published = false WHERE is_published").await?;
    client.execute(&update, &[]).await?;
    Ok(())
}
