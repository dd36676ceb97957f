//! A store with faults in its transactions, in the tail of the log and in the cursor of the outbox.

use std::{collections::HashSet, sync::Arc};

use cloudevent::EventId;
use decider::StreamId;
use jiff::Timestamp;
use store::{
    AsOf, Committed, DeadLetter, EventStore, IntentPage, Leadership, Listing, LogPage, NewUnsent, OpenReplay, Page,
    Parked, ReadPosition, Rescheduled, Store, StoreError, StoredEvent, StoredStream, TopicKey, Transaction,
    Unpublished, Unsent, UnsentSummary,
};
use uuid::Uuid;

use crate::{bug::Bug, events::public_events, faults::Faults, point::Point, transaction::FaultyTransaction};

#[derive(Clone)]
pub(crate) struct FaultyStore {
    pub(crate) inner: EventStore,
    pub(crate) faults: Arc<Faults>,
}

impl Store for FaultyStore {
    async fn transact<T: Transaction>(&self, transaction: T) -> (T, Result<Committed, StoreError>) {
        let faults = Arc::clone(&self.faults);
        let (transaction, result) = self.inner.transact(FaultyTransaction::new(transaction, faults)).await;
        let FaultyTransaction { inner, mut handled, cursor, remembered, .. } = transaction;
        if let Ok(committed) = &result {
            self.faults.remember(remembered);
            self.faults.note_committed(committed);
            let written = committed.streams.iter().flat_map(|write| public_events(&write.events));
            handled.extend(written.map(|event| event.name.to_string()));
            self.faults.point(Point::AfterCommit, &handled);
            if let Some(cursor) = cursor {
                self.faults.point(Point::AfterCursor, &self.faults.events_up_to(cursor));
                self.faults.forget_up_to(cursor);
            }
        }
        (inner, result)
    }

    async fn tail(&self, after: i64, limit: usize) -> Result<LogPage, StoreError> {
        let mut page = self.inner.tail(after, limit).await?;
        self.faults.note_log(page.entries.iter().map(|entry| (entry.position, &entry.event)));
        if self.faults.has(Bug::NewIdOnResend) {
            page.entries.iter_mut().for_each(|entry| entry.event.id = EventId(Uuid::now_v7()));
        }
        if self.faults.has(Bug::TailOutOfOrder) && !page.entries.is_empty() && self.faults.hides_next_event() {
            page.entries.remove(0);
        }
        Ok(page)
    }

    async fn cursor(&self) -> Result<i64, StoreError> {
        self.inner.cursor().await
    }

    async fn advance_cursor(&self, position: i64) -> Result<(), StoreError> {
        let events = self.faults.events_up_to(position);
        self.faults.point(Point::BeforeCursor, &events);
        let advanced = self.inner.advance_cursor(position).await;
        self.faults.point(Point::AfterCursor, &events);
        self.faults.forget_up_to(position);
        advanced
    }

    async fn published_len(&self) -> Result<u64, StoreError> {
        self.inner.published_len().await
    }

    async fn unpublished(&self) -> Result<Unpublished, StoreError> {
        self.inner.unpublished().await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.inner.dead_letters(limit).await
    }

    async fn mark_published(&self, dead_letters: Vec<Uuid>) -> Result<(), StoreError> {
        self.inner.mark_published(dead_letters).await
    }

    async fn published_letters_len(&self) -> Result<u64, StoreError> {
        self.inner.published_letters_len().await
    }

    async fn republish_dead_letters(&self) -> Result<(), StoreError> {
        self.inner.republish_dead_letters().await
    }

    async fn keep_unsent(&self, unsent: NewUnsent) -> Result<(), StoreError> {
        if self.faults.has(Bug::ForgetUnsent) {
            return Ok(());
        }
        self.inner.keep_unsent(unsent).await
    }

    async fn unsent(&self, now: Timestamp, limit: usize) -> Result<Vec<Unsent>, StoreError> {
        self.inner.unsent(now, limit).await
    }

    async fn unsent_keys(&self) -> Result<HashSet<TopicKey>, StoreError> {
        self.inner.unsent_keys().await
    }

    async fn unsent_summary(&self) -> Result<UnsentSummary, StoreError> {
        self.inner.unsent_summary().await
    }

    async fn update_unsent(&self, sent: Vec<i64>, rescheduled: Vec<Rescheduled>) -> Result<(), StoreError> {
        self.inner.update_unsent(sent, rescheduled).await
    }

    async fn replays(&self, limit: usize) -> Result<Vec<OpenReplay>, StoreError> {
        if self.faults.has_no_replays() {
            return Ok(vec![]);
        }
        self.inner.replays(limit).await
    }

    async fn delete_replays(&self, positions: Vec<i64>) -> Result<(), StoreError> {
        self.inner.delete_replays(positions).await
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

    async fn intents(&self, after: i64, limit: usize) -> Result<IntentPage, StoreError> {
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

    async fn read_positions(&self) -> Result<Vec<ReadPosition>, StoreError> {
        self.inner.read_positions().await
    }

    fn join_election(&self) -> Leadership {
        self.inner.join_election()
    }
}
