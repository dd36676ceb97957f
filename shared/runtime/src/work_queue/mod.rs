//! Work that waits in the store, handed over in memory while that is quick enough.
//!
//! What is committed is offered at once. If the taker is too far behind, the offer is dropped, for it is in the store: the
//! taker reads it from there when it has caught up, and at the start. So memory is bounded, and nothing is forgotten.
//!
//! Of several instances on one store the leader alone takes, also what the others committed: that it finds in the store.
//! Positions are given out in the order of commits, so what was offered is next if its position is; if not, somebody else
//! committed something in between, which is looked for first.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt as _, future::BoxFuture};
use store::{EventStore, Leadership, OpenIntent, Store as _, StoreError};
use tokio::sync::mpsc;

use crate::publish::Outgoing;

/// Offers that may wait; each is what one transaction committed.
const OFFERS: usize = 256;
/// Items read from the store at a time.
const PAGE: usize = 1000;

/// Something with a place in the store, which is never used twice.
pub(crate) trait Stored: Sized + Send + 'static {
    fn position(&self) -> i64;
    fn page(store: &EventStore, after: i64, limit: usize)
    -> impl Future<Output = Result<Vec<Self>, StoreError>> + Send;
}

impl Stored for Outgoing {
    fn position(&self) -> i64 {
        self.row.position
    }

    async fn page(store: &EventStore, after: i64, limit: usize) -> Result<Vec<Self>, StoreError> {
        let rows = store.outbox(after, limit).await?;
        Ok(rows.into_iter().map(|row| Self { row, span: None }).collect())
    }
}

impl Stored for OpenIntent {
    fn position(&self) -> i64 {
        self.position
    }

    async fn page(store: &EventStore, after: i64, limit: usize) -> Result<Vec<Self>, StoreError> {
        store.intents(after, limit).await
    }
}

/// The end that offers.
pub(crate) struct Offers<T> {
    sender: mpsc::Sender<Vec<T>>,
    behind: Arc<AtomicBool>,
    leadership: Leadership,
}

/// The end that takes, in order of position.
pub(crate) struct Feed<T> {
    receiver: mpsc::Receiver<Vec<T>>,
    behind: Arc<AtomicBool>,
    store: EventStore,
    /// A look into the store that is under way: whoever waits for it may be dropped and come back.
    look: Option<BoxFuture<'static, Result<Vec<T>, StoreError>>>,
    ready: VecDeque<T>,
    taken: i64,
    leadership: Leadership,
    /// In which all this is known.
    term: Option<u64>,
}

/// A feed that begins with what the store holds already.
pub(crate) fn feed<T: Stored>(store: EventStore, leadership: Leadership) -> (Offers<T>, Feed<T>) {
    let (sender, receiver) = mpsc::channel(OFFERS);
    let behind = Arc::new(AtomicBool::new(true));
    let offers = Offers { sender, behind: Arc::clone(&behind), leadership: leadership.clone() };
    (offers, Feed { receiver, behind, store, look: None, ready: VecDeque::new(), taken: 0, leadership, term: None })
}

impl<T> Offers<T> {
    /// Offers what a transaction committed. Never waits.
    pub(crate) fn offer(&self, committed: Vec<T>) {
        if committed.is_empty() {
            return;
        }
        if self.leadership.term().is_none() {
            // Another instance takes it. Should this one come to lead, it looks into the store first.
            return;
        }
        // An empty offer only wakes the taker, which then looks into the store.
        let offer = if self.behind.load(Ordering::SeqCst) { Vec::new() } else { committed };
        if self.sender.try_send(offer).is_err() {
            self.behind.store(true, Ordering::SeqCst);
        }
    }
}

impl<T: Stored> Feed<T> {
    /// The next item; waits until there is one. `None`: nobody will offer any more. May be dropped while it waits.
    ///
    /// # Errors
    /// The store can't be read; ask again.
    pub(crate) async fn next(&mut self) -> Result<Option<T>, StoreError> {
        loop {
            if !self.leads() {
                if self.wait_to_lead().await {
                    continue;
                }
                return Ok(None);
            }
            while let Some(item) = self.ready.pop_front() {
                // What was offered may have been read from the store too.
                if item.position() > self.taken {
                    self.taken = item.position();
                    return Ok(Some(item));
                }
            }
            if self.look.is_some() || self.behind.load(Ordering::SeqCst) {
                self.catch_up().await?;
            } else {
                tokio::select! {
                    offer = self.receiver.recv() => match offer {
                        Some(offer) => self.add(offer),
                        None => return Ok(None),
                    },
                    () = self.leadership.changed() => self.behind.store(true, Ordering::SeqCst),
                }
            }
        }
    }

    /// Whether this instance leads. What was known of the store in another term is forgotten.
    fn leads(&mut self) -> bool {
        let term = self.leadership.term();
        if term != self.term {
            self.term = term;
            self.rewind(0);
        }
        term.is_some()
    }

    /// Waits until it may be that this instance leads; false: nobody will offer any more.
    async fn wait_to_lead(&mut self) -> bool {
        tokio::select! {
            offer = self.receiver.recv() => offer.is_some(),
            () = self.leadership.changed() => true,
        }
    }

    fn add(&mut self, offer: Vec<T>) {
        let last = self.ready.back().map_or(self.taken, T::position);
        if offer.first().is_some_and(|first| first.position() > last + 1) {
            self.behind.store(true, Ordering::SeqCst);
        } else {
            self.ready.extend(offer);
        }
    }

    /// The next item, if there is one without waiting and without the store.
    pub(crate) fn try_next(&mut self) -> Option<T> {
        loop {
            match self.ready.pop_front() {
                Some(item) if item.position() > self.taken => {
                    self.taken = item.position();
                    return Some(item);
                }
                Some(_) => {}
                None if self.look.is_some() || self.behind.load(Ordering::SeqCst) => return None,
                None => {
                    let offer = self.receiver.try_recv().ok()?;
                    self.add(offer);
                }
            }
        }
    }

    /// Forgets what was taken after this position; it is read from the store again.
    pub(crate) fn rewind(&mut self, position: i64) {
        self.ready.clear();
        self.look = None;
        self.taken = position;
        self.behind.store(true, Ordering::SeqCst);
    }

    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let look = self.look.get_or_insert_with(|| {
            // First the flag, then the look: what is committed after the look is offered, and what is both offered and
            // found is recognized by its position.
            self.behind.store(false, Ordering::SeqCst);
            let (store, taken) = (self.store.clone(), self.taken);
            async move { T::page(&store, taken, PAGE).await }.boxed()
        });
        let page = look.await;
        self.look = None;
        if page.as_ref().map_or(true, |page| page.len() == PAGE) {
            self.behind.store(true, Ordering::SeqCst);
        }
        self.ready.extend(page?);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
