//! A transaction that crashes at its steps, forgets the inbox, or publishes too early.

use std::sync::Arc;

use store::{Loaded, NewOutboxRow, Restart, Step, Transaction};
use uuid::Uuid;

use crate::{bug::Bug, events::event_of, faults::Faults, point::Point};

pub(crate) struct FaultyTransaction<T> {
    pub(crate) inner: T,
    faults: Arc<Faults>,
    /// Events whose records this transaction processes.
    pub(crate) handled: Vec<String>,
    /// Events whose outbox rows this transaction deletes, if it deletes any rows.
    pub(crate) deleted: Option<Vec<String>>,
    is_first_step: bool,
}

impl<T> FaultyTransaction<T> {
    pub(crate) fn new(inner: T, faults: Arc<Faults>) -> Self {
        Self { inner, faults, handled: Vec::new(), deleted: None, is_first_step: true }
    }
}

impl<T: Transaction> Transaction for FaultyTransaction<T> {
    fn messages(&mut self) -> Vec<Uuid> {
        let messages = self.inner.messages();
        self.handled = self.faults.read_events(&messages);
        (self.deleted, self.is_first_step) = (None, true);
        self.faults.point(Point::BeforeInbox, &self.handled);
        if self.faults.has(Bug::NoInbox) { Vec::new() } else { messages }
    }

    fn ordering_keys(&self) -> Vec<String> {
        self.inner.ordering_keys()
    }

    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart> {
        if std::mem::take(&mut self.is_first_step) {
            self.faults.point(Point::AfterInbox, &self.handled);
        }
        let step = self.inner.step(loaded)?;
        if let Step::Write(writes) = &step {
            self.deleted = (!writes.published.is_empty()).then(|| self.faults.outbox_events(&writes.published));
            if self.faults.has(Bug::PublishBeforeCommit) {
                self.faults.publish_early(&writes.outbox);
            }
        }
        Ok(step)
    }

    fn before_commit(&self, outbox: &mut dyn Iterator<Item = &NewOutboxRow>) {
        if let Some(deleted) = &self.deleted {
            self.faults.point(Point::BeforeMarkPublished, deleted);
        }
        let written = outbox.filter_map(|row| event_of(&row.headers));
        let events: Vec<_> = self.handled.iter().cloned().chain(written).collect();
        self.faults.point(Point::BeforeCommit, &events);
    }
}
