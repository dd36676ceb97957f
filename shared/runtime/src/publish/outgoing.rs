//! Public events on their way to the broker, and the position up to which they have arrived.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use messaging::Acknowledged;
use store::{LogEntry, LogPage, Store, StoreError};
use telemetry::Span;
use tokio::sync::Notify;

use crate::work_queue::{Stored, WorkPage};

/// An event to publish.
pub(crate) struct OutgoingEvent {
    pub(crate) entry: LogEntry,
    /// Ends when the broker acknowledges the record. An event that was read from the store has none.
    pub(crate) span: Option<Span>,
}

impl Stored for OutgoingEvent {
    fn position(&self) -> i64 {
        self.entry.position
    }

    async fn start(store: &impl Store) -> Result<i64, StoreError> {
        store.cursor().await
    }

    async fn page(store: &impl Store, after: i64, limit: usize) -> Result<WorkPage<Self>, StoreError> {
        let LogPage { entries, through, has_more } = store.tail(after, limit).await?;
        let rows = entries.into_iter().map(|entry| Self { entry, span: None }).collect();
        Ok(WorkPage { rows, through, has_more })
    }
}

/// The cursor of the outbox: the position up to which the broker has acknowledged all public events, except for those that are
/// kept unsent. The next transaction stores it, so that no event waits for an additional disk write.
#[derive(Clone, Default)]
pub(crate) struct Published(Arc<Positions>);

#[derive(Default)]
struct Positions {
    passed: AtomicI64,
    stored: AtomicI64,
    /// Number of acknowledged events since the start.
    count: AtomicU64,
    /// The offset after the last acknowledged record, by partition.
    ends: Mutex<HashMap<i32, i64>>,
    /// Notified when the topic has been replaced by a new one.
    is_replaced: Notify,
}

impl Published {
    /// The cursor, if it is not stored yet.
    pub(crate) fn unstored(&self) -> Option<i64> {
        let passed = self.0.passed.load(Ordering::SeqCst);
        (passed > self.0.stored.load(Ordering::SeqCst)).then_some(passed)
    }

    /// Notes that the cursor is stored.
    pub(crate) fn set_stored(&self, position: i64) {
        self.0.stored.fetch_max(position, Ordering::SeqCst);
    }

    /// Notes the place of an acknowledged record. Offsets only grow, unless the topic was deleted and created again.
    pub(super) fn observe(&self, place: Acknowledged) {
        let mut ends = self.0.ends.lock().expect("no panic while locked");
        let end = ends.entry(place.partition).or_default();
        if place.offset < *end {
            self.0.is_replaced.notify_one();
            ends.clear();
        }
        ends.insert(place.partition, place.offset + 1);
    }

    /// Waits until a record shows that the topic was deleted and created again.
    pub(crate) async fn replaced(&self) {
        self.0.is_replaced.notified().await;
    }

    /// Number of events that this process has published.
    pub(crate) fn count(&self) -> u64 {
        self.0.count.load(Ordering::SeqCst)
    }

    /// Counts an event that the broker has.
    pub(super) fn add_one(&self) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
    }

    /// Moves the cursor past an event that the broker has, or that is kept unsent.
    pub(super) fn pass(&self, position: i64) {
        self.0.passed.fetch_max(position, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn topic_is_replaced_when_an_offset_decreases() {
        let published = Published::default();
        let observe = |partition, offset| {
            published.observe(Acknowledged { partition, offset });
            published.replaced().now_or_never().is_some()
        };
        assert!(!observe(0, 0) && !observe(0, 1) && !observe(0, 7) && !observe(1, 2), "offsets grow, with gaps");
        assert!(observe(0, 0));
        assert!(!observe(0, 1) && !observe(1, 0), "reported once");
    }
}
