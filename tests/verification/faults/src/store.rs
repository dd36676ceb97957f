//! A store with faults in its transactions and in the deletion of published rows.

use std::sync::Arc;

use bytes::Bytes;
use decider::StreamId;
use jiff::Timestamp;
use store::{
    AsOf, Committed, EventStore, Leadership, Listing, OpenIntent, OutboxRow, Page, Parked, PurgedPage, ReadPosition,
    Store, StoreError, StoredEvent, StoredStream, Transaction,
};
use uuid::Uuid;

use crate::{bug::Bug, events::event_of, faults::Faults, point::Point, transaction::FaultyTransaction};

#[derive(Clone)]
pub(crate) struct FaultyStore {
    pub(crate) inner: EventStore,
    pub(crate) faults: Arc<Faults>,
}

impl Store for FaultyStore {
    async fn transact<T: Transaction>(&self, transaction: T) -> (T, Result<Committed, StoreError>) {
        let faults = Arc::clone(&self.faults);
        let (transaction, result) = self.inner.transact(FaultyTransaction::new(transaction, faults)).await;
        let FaultyTransaction { inner, mut handled, deleted, .. } = transaction;
        if let Ok(committed) = &result {
            self.faults.note_outbox(&committed.outbox);
            handled.extend(committed.outbox.iter().filter_map(|row| event_of(&row.record.headers)));
            self.faults.point(Point::AfterCommit, &handled);
            if let Some(deleted) = deleted {
                self.faults.point(Point::AfterMarkPublished, &deleted);
            }
        }
        (inner, result)
    }

    async fn outbox(&self, after: i64, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let mut rows = self.inner.outbox(after, limit).await?;
        self.faults.note_outbox(&rows);
        if self.faults.has(Bug::NewIdOnResend) {
            rows.iter_mut().for_each(rename);
        }
        Ok(rows)
    }

    async fn delete_published(&self, positions: Vec<i64>) -> Result<(), StoreError> {
        let events = self.faults.outbox_events(&positions);
        self.faults.point(Point::BeforeMarkPublished, &events);
        let deleted = self.inner.delete_published(positions).await;
        self.faults.point(Point::AfterMarkPublished, &events);
        deleted
    }

    async fn load(&self, stream: StreamId, as_of: AsOf) -> Result<StoredStream, StoreError> {
        self.inner.load(stream, as_of).await
    }

    async fn history(&self, stream: StreamId, after: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.inner.history(stream, after, limit).await
    }

    async fn list(&self, listing: Listing) -> Result<Page, StoreError> {
        self.inner.list(listing).await
    }

    async fn intents(&self, after: i64, limit: usize) -> Result<Vec<OpenIntent>, StoreError> {
        self.inner.intents(after, limit).await
    }

    async fn intents_len(&self) -> Result<u64, StoreError> {
        self.inner.intents_len().await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        self.inner.due(now, limit).await
    }

    async fn due_len(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.due_len(now).await
    }

    async fn parked(&self, now: Timestamp, limit: usize) -> Result<Vec<Parked>, StoreError> {
        self.inner.parked(now, limit).await
    }

    async fn parked_len(&self) -> Result<u64, StoreError> {
        self.inner.parked_len().await
    }

    async fn purge_inbox(
        &self,
        horizon: Timestamp,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<PurgedPage, StoreError> {
        self.inner.purge_inbox(horizon, after, limit).await
    }

    async fn outbox_oldest(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.outbox_oldest().await
    }

    async fn outbox_len(&self) -> Result<u64, StoreError> {
        self.inner.outbox_len().await
    }

    async fn read_positions(&self) -> Result<Vec<ReadPosition>, StoreError> {
        self.inner.read_positions().await
    }

    fn join_election(&self) -> Leadership {
        self.inner.join_election()
    }
}

/// [`Bug::NewIdOnResend`]: gives the row another event id.
fn rename(row: &mut OutboxRow) {
    let id = row.record.headers.iter_mut().find(|(name, _)| name == "ce_id");
    if let Some((_, id)) = id {
        *id = Bytes::from(Uuid::now_v7().to_string());
    }
}
