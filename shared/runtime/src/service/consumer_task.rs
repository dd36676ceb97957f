//! Creates the topics and runs the consumer.

use std::time::Duration;

use decider::Service;
use messaging::{Batch, KafkaConfig, Offsets, Record, ensure_topics};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    consume::{ConsumerSlot, Ingest},
    input::Input,
    service::{reconnect::reconnect_backoff, seams::Seams, topics::Topics},
};

/// Maximum records in a batch.
const RECORDS_MAX: usize = 500;

/// Creates the topics and runs the consumer until shutdown. A reader creates no topics: it waits for those of others.
pub(super) struct ConsumerTask<C> {
    pub(super) seams: C,
    pub(super) kafka: KafkaConfig,
    pub(super) topics: Topics,
    /// Positions at which a reader starts.
    pub(super) positions: Offsets,
    pub(super) ingest: Ingest,
    pub(super) consumer: ConsumerSlot,
    pub(super) stop: CancellationToken,
}

impl<C: Seams> ConsumerTask<C> {
    /// Retries for as long as Kafka is unavailable; reads until shutdown.
    pub(super) async fn run<S: Service>(self, records: mpsc::Sender<Batch<Input<S>>>) -> anyhow::Result<()> {
        let is_reader = self.topics.is_reader();
        if !is_reader && self.stop.run_until_cancelled(self.create_topics()).await.is_none() {
            return Ok(());
        }
        let ingest = self.ingest;
        let read = move |record: &Record<'_>| ingest.read(record);
        let topics = self.topics.read();
        let started = if is_reader {
            self.seams.ungrouped_consumer(&self.kafka, &topics, self.positions, RECORDS_MAX, read, records)?
        } else {
            self.seams.consumer(&self.kafka, &topics, RECORDS_MAX, read, records)?
        };
        // The slot was empty: this task alone fills it, once.
        let _ = self.consumer.set(started);
        self.stop.cancelled().await;
        if let Some(consumer) = self.consumer.get() {
            consumer.stop().await;
        }
        Ok(())
    }

    async fn create_topics(&self) {
        let mut waits = reconnect_backoff();
        while let Err(error) = ensure_topics(&self.kafka, &self.topics.all()).await {
            warn!(%error, "failed to create topics, retrying");
            sleep(waits.next().unwrap_or(Duration::ZERO)).await;
        }
    }
}
