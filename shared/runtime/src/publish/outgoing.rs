//! Outbox rows on their way to the broker, and the positions of those that arrived.

use std::sync::{Arc, Mutex};

use store::{OutboxRow, Store, StoreError};
use telemetry::Span;

use crate::work_queue::Stored;

/// A record to publish.
pub(crate) struct OutgoingEvent {
    pub(crate) row: OutboxRow,
    /// Ends when the broker acknowledges the record. A row that was read from the store has none.
    pub(crate) span: Option<Span>,
}

impl Stored for OutgoingEvent {
    fn position(&self) -> i64 {
        self.row.position
    }

    async fn page(store: &impl Store, after: i64, limit: usize) -> Result<Vec<Self>, StoreError> {
        let rows = store.outbox(after, limit).await?;
        Ok(rows.into_iter().map(|row| Self { row, span: None }).collect())
    }
}

/// Positions of acknowledged rows, which the store may delete. The next transaction deletes them, so that no event waits
/// for a disk write that only cleans up.
#[derive(Clone, Default)]
pub(crate) struct Published(Arc<Mutex<Vec<i64>>>);

impl Published {
    pub(crate) fn take(&self) -> Vec<i64> {
        std::mem::take(&mut self.0.lock().expect("no panic while locked"))
    }

    /// Puts positions back after the transaction that was to delete them failed.
    pub(crate) fn restore(&self, positions: Vec<i64>) {
        self.0.lock().expect("no panic while locked").extend(positions);
    }

    pub(super) fn add(&self, position: i64) {
        self.0.lock().expect("no panic while locked").push(position);
    }
}
