//! Takes the waiting inputs, handles them in one transaction, and passes on what it committed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use cloudevent::Contract as _;
use decider::{SagaMetric, Service};
use jiff::Timestamp;
use messaging::Offsets;
use store::{Committed, OpenIntent, ReadPosition, Store, StoreError};
use telemetry::{KeyValue, Metrics};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::sleep,
};
use tracing::{error, info, warn};

use crate::{
    consume::ConsumerSlot,
    input::{Class, Failure, Input},
    process::{batch::Batch, gather::Gather, publish_context::PublishContext, stream_cache::StreamCache},
    publish::{Backlog, OutgoingEvent, Published},
    work_queue::WorkSender,
};

/// Maximum inputs per transaction.
const BATCH_MAX: usize = 1000;
/// First wait before a failed transaction is retried.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
/// Maximum wait before a failed transaction is retried.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Processor<S: Service, D> {
    /// Database system, for spans.
    pub(crate) system: &'static str,
    pub(crate) store: D,
    /// Batches of records from the consumer.
    pub(crate) records: mpsc::Receiver<messaging::Batch<Input<S>>>,
    /// Inputs from HTTP, timers, provider responses and parked records.
    pub(crate) inputs: mpsc::Receiver<Input<S>>,
    pub(crate) consumer: ConsumerSlot,
    pub(crate) outbox: WorkSender<OutgoingEvent>,
    /// Notifies the relay of new dead letters.
    pub(crate) dead_letters: Arc<Notify>,
    /// Notifies the replayer of new replays.
    pub(crate) replays: Arc<Notify>,
    pub(crate) intents: WorkSender<OpenIntent>,
    pub(crate) published: Published,
    pub(crate) publish: PublishContext,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) backlog: Arc<Backlog>,
    /// Changes with each commit.
    pub(crate) committed: watch::Sender<()>,
    pub(crate) cache: StreamCache<S>,
    pub(crate) gather: Gather,
    /// Positions of a reader that the next transaction commits. `None` for a member of a consumer group, whose positions
    /// Kafka keeps.
    pub(crate) positions: Option<Offsets>,
}

/// Inputs taken together, with the offsets of their records.
struct Drained<S: Service> {
    inputs: Vec<Input<S>>,
    offsets: Vec<Offsets>,
}

impl<S: Service, D: Store> Processor<S, D> {
    /// Processes inputs until both queues are closed and empty.
    pub(crate) async fn run(mut self) {
        let mut now = Timestamp::now();
        while let Some(drained) = self.next_batch().await {
            self.advance(&drained.offsets);
            if drained.inputs.is_empty() {
                // Records without a reaction: only their offsets need storing.
                self.store_offsets(&drained.offsets);
                continue;
            }
            // Times never decrease within a stream, even if the clock does.
            now = now.max(Timestamp::now());
            self.metrics.batch_size.record(drained.inputs.len() as u64, &[]);
            if let Err(rejected) = self.handle(drained.inputs, now, true).await {
                // Retry individually to isolate the input that the store rejects. A reader has passed the records only with
                // the last of them.
                let count = rejected.len();
                for (number, input) in (1..).zip(rejected) {
                    let _ = self.handle(vec![input], now, number == count).await;
                }
            }
            self.store_offsets(&drained.offsets);
        }
    }

    /// Notes the positions of a reader.
    fn advance(&mut self, batches: &[Offsets]) {
        if let Some(positions) = &mut self.positions {
            for (topic, partition, next) in batches.iter().flat_map(Offsets::iter) {
                positions.set(topic, partition, next);
            }
        }
    }

    /// Handles the inputs in one transaction, which with `commits_positions` also stores the positions of a reader.
    ///
    /// # Errors
    /// Returns the inputs if there are several and the store rejects their effects.
    async fn handle(
        &mut self,
        inputs: Vec<Input<S>>,
        now: Timestamp,
        commits_positions: bool,
    ) -> Result<(), Vec<Input<S>>> {
        let started = Instant::now();
        let (cursor, cache) = (self.published.unstored(), std::mem::take(&mut self.cache));
        let mut batch = Batch::new(inputs, cursor, cache, self.publish.clone(), now);
        if commits_positions && let Some(positions) = &self.positions {
            batch.positions = positions.iter().map(read_position).collect();
        }
        let size = batch.inputs.len();
        let span = self.publish.spans.transaction(self.system, S::Public::OWNER, size, batch.traces());
        let (mut batch, mut committed) = match self.commit(batch).await {
            Ok(done) => done,
            Err(rejected) => return Err(rejected.inputs),
        };
        drop(span);
        if commits_positions && let Some(positions) = &mut self.positions {
            *positions = Offsets::default();
        }
        self.committed.send_replace(());
        if let Some(position) = batch.cursor {
            self.published.set_stored(position);
        }
        let (range, intents) = (committed.range, std::mem::take(&mut committed.intents));
        let outgoing = batch.outgoing(committed);
        self.backlog.add(outgoing.len());
        self.outbox.offer(range, outgoing);
        self.intents.offer(range, intents);
        if batch.has_replays() {
            self.replays.notify_one();
        }
        if batch.has_dead_letters() {
            self.dead_letters.notify_one();
        }
        self.metrics.duplicates.add(batch.duplicates() as u64, &[]);
        self.count(batch.metrics());
        self.report_rejected(&batch);
        self.cache = batch.reply();
        self.metrics.transaction_seconds.record(started.elapsed().as_secs_f64(), &[]);
        Ok(())
    }

    fn report_rejected(&self, batch: &Batch<S>) {
        for rejected in batch.rejected_records() {
            let record = rejected.record.record();
            let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
            let (error, class) = (&rejected.failure.error, rejected.failure.class.name());
            let labels = [KeyValue::new("topic", topic.to_owned()), KeyValue::new("class", class)];
            if rejected.is_dead_letter {
                self.metrics.dead_letters.add(1, &labels);
                if self.publish.dead_letter_topic.is_some() {
                    warn!(error, class, topic, partition, offset, "record became a dead letter");
                } else {
                    warn!(error, class, topic, partition, offset, "skipped record, a reader has no dead letters");
                }
            } else {
                self.metrics.parked.add(1, &labels);
                info!(error, class, topic, partition, offset, "parked record for a retry");
            }
        }
    }

    fn count(&self, metrics: &[(&'static str, SagaMetric)]) {
        for (event, metric) in metrics {
            match metric {
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
        if let Some(consumer) = self.consumer.get() {
            for offsets in offsets {
                consumer.store_offsets(offsets);
            }
        }
    }

    /// Waits for an input, then takes all that are waiting. Returns `None` if both queues are closed and empty.
    async fn next_batch(&mut self) -> Option<Drained<S>> {
        let mut drained = Drained { inputs: Vec::new(), offsets: Vec::new() };
        tokio::select! {
            Some(records) = self.records.recv() => drained.add(records),
            Some(input) = self.inputs.recv() => drained.inputs.push(input),
            else => return None,
        }
        if let Some(delay) = self.gather.delay() {
            sleep(delay).await;
        }
        while drained.inputs.len() < BATCH_MAX
            && let Ok(input) = self.inputs.try_recv()
        {
            drained.inputs.push(input);
        }
        while drained.inputs.len() < BATCH_MAX
            && let Ok(records) = self.records.try_recv()
        {
            drained.add(records);
        }
        self.gather.start(drained.inputs.len());
        Some(drained)
    }

    /// Retries until the commit succeeds. While the store is unavailable nothing is lost, because no further input is
    /// taken.
    ///
    /// # Errors
    /// Returns the batch if it has several inputs and the store rejects their effects.
    async fn commit(&self, mut batch: Batch<S>) -> Result<(Batch<S>, Committed), Batch<S>> {
        let backoff = ExponentialBuilder::default().with_min_delay(BACKOFF_MIN).with_max_delay(BACKOFF_MAX);
        let mut backoff = backoff.with_jitter().without_max_times().build();
        loop {
            let (tried, result) = self.store.transact(batch).await;
            match result {
                Ok(committed) => return Ok((tried, committed)),
                Err(StoreError::Restart) => {
                    batch = tried;
                    continue;
                }
                Err(error) if error.is_permanent() && tried.inputs.len() > 1 => {
                    error!(%error, inputs = tried.inputs.len(), "transaction rejected, retrying inputs one by one");
                    return Err(tried);
                }
                Err(error) if error.is_permanent() => {
                    batch = tried;
                    batch.fail(Failure::new(Class::Store, error.to_string()));
                    continue;
                }
                Err(error) => error!(%error, "transaction failed, retrying"),
            }
            batch = tried;
            sleep(backoff.next().unwrap_or(BACKOFF_MAX)).await;
        }
    }
}

fn read_position((topic, partition, next): (&str, i32, i64)) -> ReadPosition {
    ReadPosition { topic: topic.to_owned(), partition, next }
}

impl<S: Service> Drained<S> {
    fn add(&mut self, records: messaging::Batch<Input<S>>) {
        self.inputs.extend(records.items);
        self.offsets.push(records.offsets);
    }
}
