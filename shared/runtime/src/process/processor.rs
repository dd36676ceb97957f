//! Takes what has arrived, runs it as one transaction, and gives out what was committed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use cloudevent::Contract as _;
use decider::{SagaMetric, Service};
use jiff::Timestamp;
use messaging::{Batch as Arrived, Consumer, Offsets};
use store::{Committed, EventStore, OpenIntent, Store as _, StoreError};
use telemetry::{KeyValue, Metrics};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

use crate::{
    input::{Class, Failure, Input},
    planted::{self, Bug, Point},
    process::{Batch, Cache, PublishContext},
    publish::{Backlog, Outgoing, Published},
    work_queue::Offers,
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
    pub(crate) outlet: PublishContext,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) backlog: Arc<Backlog>,
    /// Told of every commit.
    pub(crate) committed: watch::Sender<()>,
    pub(crate) cache: Cache<S>,
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
            if planted::is(Bug::OffsetsBeforeCommit) {
                self.store_offsets(&taken.offsets);
                self.consumer.get().inspect(|consumer| consumer.commit());
            }
            self.metrics.batch_size.record(taken.inputs.len() as u64, &[]);
            if let Err(refused) = self.handle(taken.inputs, now).await {
                // One of them is at fault. Alone, each is handled or put aside.
                for input in refused {
                    let _ = self.handle(vec![input], now).await;
                }
            }
            self.store_offsets(&taken.offsets);
        }
    }

    /// Handles the inputs together.
    ///
    /// # Errors
    /// There are several, and the store refuses what follows from them. They are given back.
    async fn handle(&mut self, inputs: Vec<Input<S>>, now: Timestamp) -> Result<(), Vec<Input<S>>> {
        let started = Instant::now();
        let batch =
            Batch::new(inputs, self.published.take(), std::mem::take(&mut self.cache), self.outlet.clone(), now);
        let (system, owner) = (self.store.system(), S::Public::OWNER);
        let span = self.outlet.spans.transaction(system, owner, batch.inputs.len(), batch.traces());
        let (mut batch, committed) = match self.commit(batch).await {
            Ok(done) => done,
            Err(refused) => {
                self.published.give_back(refused.published);
                return Err(refused.inputs);
            }
        };
        drop(span);
        planted::point(Point::AfterCommit, || {
            planted::events(&batch.inputs, committed.outbox.iter().map(|row| &row.record))
        });
        if !batch.published.is_empty() {
            planted::point(Point::AfterMark, Vec::new);
        }
        self.committed.send_replace(());
        self.backlog.add(committed.outbox.len());
        self.outbox.offer(batch.outgoing(committed.outbox));
        self.intents.offer(committed.intents);
        self.metrics.duplicates.add(batch.duplicates() as u64, &[]);
        self.count(batch.metrics_emitted());
        self.tell_of_put_aside(&batch);
        self.cache = batch.reply();
        self.metrics.transaction_seconds.record(started.elapsed().as_secs_f64(), &[]);
        Ok(())
    }

    fn tell_of_put_aside(&self, batch: &Batch<S>) {
        for aside in batch.put_aside() {
            let record = aside.arrival.record();
            let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
            let (error, class) = (&aside.failure.error, aside.failure.class.name());
            let labels = [KeyValue::new("topic", topic.to_owned()), KeyValue::new("class", class)];
            if aside.is_dead_letter {
                self.metrics.dead_letters.add(1, &labels);
                warn!(error, class, topic, partition, offset, "dead letter");
            } else {
                self.metrics.parked.add(1, &labels);
                info!(error, class, topic, partition, offset, "parked: it is tried again later");
            }
        }
    }

    fn count(&self, metrics_emitted: &[(&'static str, SagaMetric)]) {
        for (event, milestone) in metrics_emitted {
            match milestone {
                SagaMetric::Completed { outcome, reason, started_at } => {
                    let reason = reason.unwrap_or_default();
                    let outcome = KeyValue::new("outcome", *outcome);
                    let seconds = Timestamp::now().duration_since(*started_at).as_secs_f64();
                    self.metrics.saga_seconds.record(seconds, std::slice::from_ref(&outcome));
                    self.metrics.sagas_completed.add(1, &[outcome, KeyValue::new("reason", reason)]);
                }
                SagaMetric::Compensated { reason } => {
                    let labels = [KeyValue::new("event", *event), KeyValue::new("reason", *reason)];
                    self.metrics.compensations.add(1, &labels);
                }
            }
        }
    }

    fn store_offsets(&self, offsets: &[Offsets]) {
        planted::point(Point::BeforeOffsets, Vec::new);
        if let Some(consumer) = self.consumer.get() {
            for offsets in offsets {
                consumer.done(offsets);
            }
        }
        planted::point(Point::AfterOffsets, Vec::new);
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
    ///
    /// # Errors
    /// The store is there, but refuses what follows from these inputs, of which there are several.
    async fn commit(&self, mut batch: Batch<S>) -> Result<(Batch<S>, Committed), Batch<S>> {
        let backoff = ExponentialBuilder::default().with_min_delay(Duration::from_millis(10));
        let mut backoff = backoff.with_max_delay(BACKOFF_MAX).with_jitter().without_max_times().build();
        loop {
            let (tried, result) = self.store.transact(batch).await;
            match result {
                Ok(committed) => return Ok((tried, committed)),
                Err(StoreError::Restart) => {
                    batch = tried;
                    continue;
                }
                Err(error) if error.is_permanent() && tried.inputs.len() > 1 => {
                    error!(%error, inputs = tried.inputs.len(), "the store refuses a transaction; its inputs go one by one");
                    return Err(tried);
                }
                Err(error) if error.is_permanent() => {
                    batch = tried;
                    batch.fail(Failure::new(Class::Store, error.to_string()));
                    continue;
                }
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
