//! A transaction that crashes at its steps, forgets or invents processed messages, or publishes too early.

use std::sync::Arc;

use store::{Loaded, Restart, Step, Transaction, Writes};
use uuid::Uuid;

use crate::{
    bug::Bug,
    events::{header, public_events},
    faults::Faults,
    point::Point,
};

pub(crate) struct FaultyTransaction<T> {
    pub(crate) inner: T,
    faults: Arc<Faults>,
    /// Events whose records this transaction processes.
    pub(crate) handled: Vec<String>,
    /// The cursor that this transaction stores, if it stores any.
    pub(crate) cursor: Option<i64>,
    /// Messages to be remembered wrongly.
    pub(crate) remembered: Vec<Uuid>,
    /// Number of steps so far.
    steps: usize,
}

impl<T> FaultyTransaction<T> {
    pub(crate) fn new(inner: T, faults: Arc<Faults>) -> Self {
        Self { inner, faults, handled: Vec::new(), cursor: None, remembered: Vec::new(), steps: 0 }
    }

    fn alter_loaded(&self, loaded: &mut Loaded) {
        if self.steps == 0 {
            // The messages of an older version are processed, wherever they were remembered.
            loaded.old_inbox.extend(self.faults.remembered());
        }
        if self.faults.forgets_heads() {
            self.faults.forget_heads(&mut loaded.streams);
        }
    }

    fn alter_writes(&mut self, writes: &mut Writes) {
        self.cursor = writes.cursor;
        if self.faults.forgets_heads() {
            self.faults.note_heads(&writes.streams);
        }
        if self.faults.has(Bug::RememberParked) {
            self.remembered.extend(writes.parked.iter().filter_map(|parked| parked.message));
        }
        if self.faults.has(Bug::RememberForged) {
            let records = writes.dead_letters.iter().map(|letter| &letter.record.headers);
            let forged = records.filter(|headers| header(headers, "dlq_class") == Some(b"contract"));
            let ids =
                forged.filter_map(|headers| std::str::from_utf8(header(headers, "ce_id")?).ok()?.parse::<Uuid>().ok());
            self.remembered.extend(ids);
        }
        if self.faults.has(Bug::SequenceReused) {
            for write in &mut writes.streams {
                write.head.published -= public_events(&write.events).count() as u64;
            }
        }
        if self.faults.has(Bug::PublishBeforeCommit) {
            self.faults.publish_early(&writes.streams);
        }
    }
}

impl<T: Transaction> Transaction for FaultyTransaction<T> {
    fn begin(&mut self) {
        self.inner.begin();
        self.handled = self.faults.read_events(&self.inner.messages());
        self.remembered.clear();
        (self.cursor, self.steps) = (None, 0);
        self.faults.point(Point::BeforeLoad, &self.handled);
    }

    fn messages(&self) -> Vec<Uuid> {
        self.inner.messages()
    }

    fn ordering_keys(&self) -> Vec<String> {
        self.inner.ordering_keys()
    }

    fn step(&mut self, mut loaded: Loaded) -> Result<Step, Restart> {
        // The first step has no streams yet.
        if self.steps == 1 {
            self.faults.point(Point::AfterLoad, &self.handled);
        }
        self.alter_loaded(&mut loaded);
        self.steps += 1;
        let mut step = self.inner.step(loaded)?;
        if let Step::Write(writes) = &mut step {
            self.alter_writes(writes);
        }
        Ok(step)
    }

    fn before_commit(&self, writes: &Writes) {
        if let Some(cursor) = writes.cursor {
            self.faults.point(Point::BeforeCursor, &self.faults.events_up_to(cursor));
        }
        let written = writes.streams.iter().flat_map(|write| public_events(&write.events));
        let events: Vec<_> = self.handled.iter().cloned().chain(written.map(|event| event.name.to_string())).collect();
        self.faults.point(Point::BeforeCommit, &events);
    }
}
