//! The number of events waiting for Kafka, and its limit.

use std::sync::atomic::{AtomicU64, Ordering};

/// Approximate number of unpublished events: counted in memory, and corrected from the store periodically.
pub(crate) struct Backlog {
    waiting: AtomicU64,
    max: u64,
}

impl Backlog {
    pub(crate) fn new(waiting: u64, max: u64) -> Self {
        Self { waiting: AtomicU64::new(waiting), max }
    }

    pub(crate) fn add(&self, rows: usize) {
        self.waiting.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn remove_one(&self) {
        // Saturates: a correction may not have counted the row that is removed now.
        let less = |waiting: u64| waiting.checked_sub(1);
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    pub(crate) fn set(&self, rows: u64) {
        self.waiting.store(rows, Ordering::Relaxed);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= self.max
    }
}
