//! Forgets messages that can't come again.
//!
//! A message is in the inbox so that it has one effect although it comes twice. It can come again for as long as it is in
//! its topic. So the inbox remembers it for as long as any topic that is read keeps records, and a margin longer, because
//! the broker looks only now and then for what it may delete. Where a topic keeps its records for ever, nothing is
//! forgotten.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use messaging::{KafkaConfig, KafkaError, records_gone_after};
use store::{EventStore, Leadership, Store as _, StoreError};
use telemetry::Metrics;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Messages looked at in a transaction. Orders wait no longer than these take.
const PORTION: usize = 2_000;
/// The wait after each, which leaves the store to the orders.
const PAUSE: Duration = Duration::from_millis(20);
/// The shortest and the longest time from one sweep to the next.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));
/// The part of the inbox's memory that a message may stay longer.
const SLACK: u32 = 10;

/// What decides how long the inbox remembers.
pub(crate) struct InboxCleaner {
    pub(crate) store: EventStore,
    /// One instance sweeps for all.
    pub(crate) leadership: Leadership,
    pub(crate) kafka: KafkaConfig,
    /// For how much longer than the topics.
    pub(crate) margin: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

impl InboxCleaner {
    /// Works until it is told to stop. These are the topics that are read.
    pub(crate) async fn run(self, topics: &[&str], stop: CancellationToken) {
        let work = async {
            loop {
                sleep(self.sweep(topics).await).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Forgets what it may; tells when to come again. The topics' settings are asked for each time, for they can change.
    async fn sweep(&self, topics: &[&str]) -> Duration {
        let (shortest, longest) = INTERVALS;
        if self.leadership.term().is_none() {
            return shortest;
        }
        let memory = match self.memory(topics).await {
            Ok(Some(memory)) => memory,
            Ok(None) => {
                debug!("the inbox remembers everything: some topic's records stay for ever");
                return longest;
            }
            Err(error) => {
                warn!(%error, "how long records stay is not known; the inbox remembers everything until it is");
                return longest;
            }
        };
        match self.forget_older_than(memory).await {
            Ok(0) => {}
            Ok(forgotten) => info!(forgotten, memory_s = memory.as_secs(), "the inbox forgot old messages"),
            Err(error) => warn!(%error, "the inbox can't be swept; it is tried again"),
        }
        (memory / SLACK).clamp(shortest, longest)
    }

    async fn memory(&self, topics: &[&str]) -> Result<Option<Duration>, KafkaError> {
        let gone_after = records_gone_after(&self.kafka, topics).await?;
        Ok(gone_after.map(|age| age.saturating_add(self.margin)))
    }

    async fn forget_older_than(&self, memory: Duration) -> Result<u64, StoreError> {
        let horizon = Timestamp::now().saturating_sub(memory).unwrap_or(Timestamp::MIN);
        let (mut forgotten, mut after) = (0, None);
        loop {
            let swept = self.store.purge_inbox(horizon, after, PORTION).await?;
            forgotten += swept.forgotten;
            self.metrics.forgotten.add(swept.forgotten, &[]);
            after = swept.last;
            if after.is_none() {
                return Ok(forgotten);
            }
            sleep(PAUSE).await;
        }
    }
}
