//! Work that waits in the store, handed over in memory while the receiver keeps up.
//!
//! The processor offers each commit at once. If the receiver lags too far behind, the offer is dropped, because the rows
//! are in the store: the receiver reads them from there when it catches up, and at the start. Thus memory is bounded and
//! nothing is lost.
//!
//! Of several instances on one store only the leader receives, including rows that others committed, which it finds in
//! the store. Positions are assigned in the order of commits, so an offered row is next if and only if its position is
//! next. Otherwise another instance committed in between, and the receiver reads the store first.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt as _, future::BoxFuture};
use store::{Leadership, Store, StoreError};
use tokio::sync::mpsc;

/// Capacity of the channel, in commits.
const OFFERS_MAX: usize = 256;
/// Rows per read of the store.
const PAGE: usize = 1000;

/// A row of the store with a position that is never reused.
pub(crate) trait Stored: Sized + Send + 'static {
    fn position(&self) -> i64;
    /// Reads rows behind the position `after`, in order.
    fn page(store: &impl Store, after: i64, limit: usize)
    -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;
}

/// The sending end.
pub(crate) struct WorkSender<T> {
    sender: mpsc::Sender<Vec<T>>,
    is_lagging: Arc<AtomicBool>,
    leadership: Leadership,
}

/// The receiving end, in order of position.
pub(crate) struct WorkReceiver<T, D> {
    receiver: mpsc::Receiver<Vec<T>>,
    /// Rows may be in the store that were not received.
    is_lagging: Arc<AtomicBool>,
    store: D,
    /// A read of the store in progress. It outlives a dropped call of [`WorkReceiver::next`].
    pending_read: Option<BoxFuture<'static, Result<Vec<T>, StoreError>>>,
    ready: VecDeque<T>,
    /// Position of the last row returned.
    cursor: i64,
    leadership: Leadership,
    /// The term of leadership in which the other fields are valid.
    term: Option<u64>,
}

/// A queue that starts with the rows that the store already contains.
pub(crate) fn work_queue<T: Stored, D: Store>(store: D, leadership: Leadership) -> (WorkSender<T>, WorkReceiver<T, D>) {
    let (sender, receiver) = mpsc::channel(OFFERS_MAX);
    let is_lagging = Arc::new(AtomicBool::new(true));
    let work = WorkSender { sender, is_lagging: Arc::clone(&is_lagging), leadership: leadership.clone() };
    let (ready, pending_read) = (VecDeque::new(), None);
    (work, WorkReceiver { receiver, is_lagging, store, pending_read, ready, cursor: 0, leadership, term: None })
}

impl<T> WorkSender<T> {
    /// Offers the rows of a commit. Never waits.
    pub(crate) fn offer(&self, committed: Vec<T>) {
        if committed.is_empty() {
            return;
        }
        if self.leadership.term().is_none() {
            // Another instance receives them. If this one becomes the leader, it reads the store first.
            return;
        }
        // An empty offer only wakes the receiver, which then reads the store.
        let offer = if self.is_lagging.load(Ordering::SeqCst) { Vec::new() } else { committed };
        if self.sender.try_send(offer).is_err() {
            self.is_lagging.store(true, Ordering::SeqCst);
        }
    }
}

impl<T: Stored, D: Store> WorkReceiver<T, D> {
    /// Waits for the next row. Returns `None` if the sender is dropped and no row is left. Cancel safe.
    ///
    /// # Errors
    /// The store cannot be read. Call again to retry.
    pub(crate) async fn next(&mut self) -> Result<Option<T>, StoreError> {
        loop {
            if !self.leads() {
                if self.wait_to_lead().await {
                    continue;
                }
                return Ok(None);
            }
            while let Some(row) = self.ready.pop_front() {
                // A row may have been both offered and read from the store.
                if row.position() > self.cursor {
                    self.cursor = row.position();
                    return Ok(Some(row));
                }
            }
            if self.pending_read.is_some() || self.is_lagging.load(Ordering::SeqCst) {
                self.catch_up().await?;
            } else {
                tokio::select! {
                    offer = self.receiver.recv() => match offer {
                        Some(offer) => self.add(offer),
                        None => return Ok(None),
                    },
                    () = self.leadership.changed() => self.is_lagging.store(true, Ordering::SeqCst),
                }
            }
        }
    }

    /// Returns whether this instance leads. Forgets everything that was read in another term.
    fn leads(&mut self) -> bool {
        let term = self.leadership.term();
        if term != self.term {
            self.term = term;
            self.rewind(0);
        }
        term.is_some()
    }

    /// Waits until this instance may have become the leader. Returns false if the sender is dropped.
    async fn wait_to_lead(&mut self) -> bool {
        tokio::select! {
            offer = self.receiver.recv() => offer.is_some(),
            () = self.leadership.changed() => true,
        }
    }

    fn add(&mut self, offer: Vec<T>) {
        let last = self.ready.back().map_or(self.cursor, T::position);
        if offer.first().is_some_and(|first| first.position() > last + 1) {
            self.is_lagging.store(true, Ordering::SeqCst);
        } else {
            self.ready.extend(offer);
        }
    }

    /// The next row, if it is available without waiting and without the store.
    pub(crate) fn try_next(&mut self) -> Option<T> {
        loop {
            match self.ready.pop_front() {
                Some(row) if row.position() > self.cursor => {
                    self.cursor = row.position();
                    return Some(row);
                }
                Some(_) => {}
                None if self.pending_read.is_some() || self.is_lagging.load(Ordering::SeqCst) => return None,
                None => {
                    let offer = self.receiver.try_recv().ok()?;
                    self.add(offer);
                }
            }
        }
    }

    /// Moves the cursor back to this position. The receiver reads later rows from the store again.
    pub(crate) fn rewind(&mut self, position: i64) {
        self.ready.clear();
        self.pending_read = None;
        self.cursor = position;
        self.is_lagging.store(true, Ordering::SeqCst);
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let pending_read = self.pending_read.get_or_insert_with(|| {
            // Clear the flag before the read: a commit after the read is offered, and a row that is both offered and read
            // is recognized by its position.
            self.is_lagging.store(false, Ordering::SeqCst);
            let (store, cursor) = (self.store.clone(), self.cursor);
            async move { T::page(&store, cursor, PAGE).await }.boxed()
        });
        let page = pending_read.await;
        self.pending_read = None;
        if page.as_ref().map_or(true, |page| page.len() == PAGE) {
            self.is_lagging.store(true, Ordering::SeqCst);
        }
        self.ready.extend(page?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
