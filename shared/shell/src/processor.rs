//! Takes what has arrived, runs it as one transaction, and gives out what was committed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use contracts::Contract as _;
use decider::{Milestone, Service};
use jiff::Timestamp;
use messaging::{Batch as Arrived, Consumer, Offsets};
use store::{Committed, EventStore, OpenIntent, Store as _};
use telemetry::{KeyValue, Metrics};
use tokio::sync::mpsc;
use tracing::error;

use crate::{
    batch::{Batch, Outlet},
    feed::Offers,
    input::Input,
    relay::{Outgoing, Published},
};

/// Inputs in a transaction at most.
const BATCH_MAX: usize = 1000;
/// The longest wait before a transaction that failed is tried again.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Processor<S: Service> {
    pub(crate) store: EventStore,
    /// Batches of records, from the consumer.
    pub(crate) records: mpsc::Receiver<Arrived<Input<S>>>,
    /// Inputs from HTTP, timers, and answers.
    pub(crate) inputs: mpsc::Receiver<Input<S>>,
    pub(crate) consumer: Arc<std::sync::OnceLock<Consumer>>,
    pub(crate) outbox: Offers<Outgoing>,
    pub(crate) intents: Offers<OpenIntent>,
    pub(crate) published: Published,
    pub(crate) outlet: Outlet,
    pub(crate) metrics: Arc<Metrics>,
}

/// What is handled together.
struct Taken<S: Service> {
    inputs: Vec<Input<S>>,
    offsets: Vec<Offsets>,
}

impl<S: Service> Processor<S> {
    /// Works until both sources are closed and empty.
    pub(crate) async fn run(mut self) {
        let mut now = Timestamp::now();
        while let Some(taken) = self.take().await {
            if taken.inputs.is_empty() {
                // Records that lead nowhere: they are done with nothing done.
                self.store_offsets(&taken.offsets);
                continue;
            }
            // Within a stream time never runs backwards, whatever the clock does.
            now = now.max(Timestamp::now());
            let started = Instant::now();
            self.metrics.batch_size.record(taken.inputs.len() as u64, &[]);

            let batch = Batch::<S>::new(taken.inputs, self.published.take(), self.outlet.clone(), now);
            let span = self.outlet.spans.transaction(S::Public::OWNER.name(), batch.inputs.len(), batch.traces());
            let (mut batch, committed) = self.commit(batch).await;
            drop(span);
            self.outbox.offer(batch.outgoing(committed.outbox));
            self.intents.offer(committed.intents);
            self.metrics.duplicates.add(batch.duplicates() as u64, &[]);
            self.count(batch.milestones());
            batch.reply();
            self.store_offsets(&taken.offsets);
            self.metrics.transaction_seconds.record(started.elapsed().as_secs_f64(), &[]);
        }
    }

    fn count(&self, milestones: &[(&'static str, Milestone)]) {
        for (event, milestone) in milestones {
            match milestone {
                Milestone::Ended { outcome, reason, began } => {
                    let reason: &'static str = reason.map_or("", Into::into);
                    let outcome = KeyValue::new("outcome", *outcome);
                    let seconds = Timestamp::now().duration_since(*began).as_secs_f64();
                    self.metrics.order_seconds.record(seconds, std::slice::from_ref(&outcome));
                    self.metrics.orders_ended.add(1, &[outcome, KeyValue::new("reason", reason)]);
                }
                Milestone::Undone(reason) => {
                    let reason: &'static str = reason.into();
                    let labels = [KeyValue::new("event", *event), KeyValue::new("reason", reason)];
                    self.metrics.compensations.add(1, &labels);
                }
            }
        }
    }

    fn store_offsets(&self, offsets: &[Offsets]) {
        if let Some(consumer) = self.consumer.get() {
            for offsets in offsets {
                consumer.done(offsets);
            }
        }
    }

    /// Waits for something, then takes all that is there; `None` at the end.
    async fn take(&mut self) -> Option<Taken<S>> {
        let mut taken = Taken { inputs: Vec::new(), offsets: Vec::new() };
        tokio::select! {
            Some(arrived) = self.records.recv() => taken.add(arrived),
            Some(input) = self.inputs.recv() => taken.inputs.push(input),
            else => return None,
        }
        while taken.inputs.len() < BATCH_MAX
            && let Ok(input) = self.inputs.try_recv()
        {
            taken.inputs.push(input);
        }
        while taken.inputs.len() < BATCH_MAX
            && let Ok(arrived) = self.records.try_recv()
        {
            taken.add(arrived);
        }
        Some(taken)
    }

    /// Until it succeeds: as long as the store is away nothing is lost, for nothing else is taken.
    async fn commit(&self, mut batch: Batch<S>) -> (Batch<S>, Committed) {
        let backoff = ExponentialBuilder::default().with_min_delay(Duration::from_millis(10));
        let mut backoff = backoff.with_max_delay(BACKOFF_MAX).with_jitter().without_max_times().build();
        loop {
            let (tried, result) = self.store.transact(batch).await;
            match result {
                Ok(committed) => return (tried, committed),
                Err(error) => error!(%error, "the transaction failed; it is tried again"),
            }
            batch = tried;
            tokio::time::sleep(backoff.next().unwrap_or(BACKOFF_MAX)).await;
        }
    }
}

impl<S: Service> Taken<S> {
    fn add(&mut self, arrived: Arrived<Input<S>>) {
        self.inputs.extend(arrived.items);
        self.offsets.push(arrived.offsets);
    }
}
