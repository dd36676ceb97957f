//! Work that waits in the store, handed over in memory while the receiver keeps up.
//!
//! The processor offers each commit at once. If the receiver lags too far behind, the offer is dropped, because the rows
//! are in the store: the receiver reads them from there when it catches up, and at the start. Thus memory is bounded and
//! nothing is lost.
//!
//! Of several instances on one store only the leader receives, including rows that others committed, which it finds in
//! the store. An offer says which positions of the log it covers, so the receiver knows whether it directly follows what
//! was received before. Otherwise another instance committed in between, and the receiver reads the store first.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt as _, future::BoxFuture};
use store::{Leadership, LogRange, Store, StoreError};
use tokio::sync::mpsc;

/// Capacity of the channel, in commits.
const OFFERS_MAX: usize = 256;
/// Rows per read of the store.
const PAGE: usize = 1000;

/// A row of the store at a position of the log.
pub(crate) trait Stored: Sized + Send + 'static {
    fn position(&self) -> i64;
    /// The position after which work may be left.
    fn start(store: &impl Store) -> impl Future<Output = Result<i64, StoreError>> + Send;
    /// Reads rows behind the position `after`, in order.
    fn page(
        store: &impl Store,
        after: i64,
        limit: usize,
    ) -> impl Future<Output = Result<WorkPage<Self>, StoreError>> + Send;
}

/// Rows after some position.
pub(crate) struct WorkPage<T> {
    pub(crate) rows: Vec<T>,
    /// The position up to which the page is complete.
    pub(crate) through: i64,
    /// True if there may be more rows already.
    pub(crate) has_more: bool,
}

/// The rows of some commits.
struct Offer<T> {
    range: LogRange,
    rows: Vec<T>,
}

/// The sending end.
pub(crate) struct WorkSender<T> {
    sender: mpsc::Sender<Offer<T>>,
    is_lagging: Arc<AtomicBool>,
    leadership: Leadership,
    /// The range of the latest commits, which had no rows.
    empty: Option<LogRange>,
}

/// The receiving end, in order of position.
pub(crate) struct WorkReceiver<T, D> {
    receiver: mpsc::Receiver<Offer<T>>,
    /// Rows may be in the store that were not received.
    is_lagging: Arc<AtomicBool>,
    store: D,
    /// A read of the store in progress. It outlives a dropped call of [`WorkReceiver::next`].
    pending_read: Option<BoxFuture<'static, Result<WorkPage<T>, StoreError>>>,
    ready: VecDeque<T>,
    /// Position of the last row returned.
    cursor: i64,
    /// The position up to which all rows were received; `None` until the first read.
    received: Option<i64>,
    leadership: Leadership,
    /// The term of leadership in which the other fields are valid.
    term: Option<u64>,
}

/// A queue that starts with the rows that the store already contains.
pub(crate) fn work_queue<T: Stored, D: Store>(store: D, leadership: Leadership) -> (WorkSender<T>, WorkReceiver<T, D>) {
    let (sender, receiver) = mpsc::channel(OFFERS_MAX);
    let is_lagging = Arc::new(AtomicBool::new(true));
    let work = WorkSender { sender, is_lagging: Arc::clone(&is_lagging), leadership: leadership.clone(), empty: None };
    let receiver = WorkReceiver {
        receiver,
        is_lagging,
        store,
        pending_read: None,
        ready: VecDeque::new(),
        cursor: i64::MIN,
        received: None,
        leadership,
        term: None,
    };
    (work, receiver)
}

impl<T> WorkSender<T> {
    /// Offers the rows of a commit. Never waits. Commits without rows are offered with the next that has some.
    pub(crate) fn offer(&mut self, range: Option<LogRange>, rows: Vec<T>) {
        let Some(mut range) = range else { return };
        if let Some(empty) = self.empty.take()
            && empty.through == range.after
        {
            range.after = empty.after;
        }
        if rows.is_empty() {
            self.empty = Some(range);
            return;
        }
        if self.leadership.term().is_none() {
            // Another instance receives them. If this one becomes the leader, it reads the store first.
            return;
        }
        // An offer to a lagging receiver only wakes it: it reads the store.
        let rows = if self.is_lagging.load(Ordering::SeqCst) { Vec::new() } else { rows };
        if self.sender.try_send(Offer { range, rows }).is_err() {
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

    /// The current term of leadership; `None` if another instance leads.
    pub(crate) fn term(&self) -> Option<u64> {
        self.leadership.term()
    }

    /// Returns whether this instance leads. Forgets everything that was read in another term.
    fn leads(&mut self) -> bool {
        let term = self.leadership.term();
        if term != self.term {
            self.term = term;
            self.restart();
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

    fn add(&mut self, offer: Offer<T>) {
        let follows = self.received.is_some_and(|received| offer.range.after <= received);
        if self.is_lagging.load(Ordering::SeqCst) || self.pending_read.is_some() || !follows {
            self.is_lagging.store(true, Ordering::SeqCst);
        } else {
            self.received = self.received.max(Some(offer.range.through));
            self.ready.extend(offer.rows);
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
        self.move_to(Some(position));
    }

    /// Starts again at the position after which work may be left.
    pub(crate) fn restart(&mut self) {
        self.move_to(None);
    }

    fn move_to(&mut self, position: Option<i64>) {
        self.ready.clear();
        self.pending_read = None;
        self.cursor = position.unwrap_or(i64::MIN);
        self.received = position;
        self.is_lagging.store(true, Ordering::SeqCst);
    }

    /// Reads a page.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let pending_read = self.pending_read.get_or_insert_with(|| {
            // Clear the flag before the read: a commit after the read is offered, and a row that is both offered and read
            // is recognized by its position.
            self.is_lagging.store(false, Ordering::SeqCst);
            let (store, received) = (self.store.clone(), self.received);
            let read = async move {
                let after = match received {
                    Some(received) => received,
                    None => T::start(&store).await?,
                };
                T::page(&store, after, PAGE).await
            };
            read.boxed()
        });
        let page = pending_read.await;
        self.pending_read = None;
        if page.as_ref().map_or(true, |page| page.has_more) {
            self.is_lagging.store(true, Ordering::SeqCst);
        }
        let WorkPage { rows, through, .. } = page?;
        self.received = self.received.max(Some(through));
        self.ready.extend(rows);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
