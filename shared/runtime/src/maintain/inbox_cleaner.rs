//! Deletes inbox entries of messages that Kafka can no longer deliver.
//!
//! An inbox entry makes a message take effect once although it may arrive twice. It can arrive again for as long as its
//! topic keeps it. Therefore the inbox keeps an entry for the longest retention of all topics that are read, and a
//! margin longer, because the broker deletes expired records only periodically. If a topic keeps its records forever,
//! the inbox keeps all entries.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use messaging::{KafkaConfig, KafkaError, records_gone_after};
use store::{Leadership, Store, StoreError};
use telemetry::Metrics;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::consume::ConsumerSlot;

/// Inbox entries checked in one transaction. Other transactions wait no longer than these take.
const PURGE_BATCH_SIZE: usize = 2_000;
/// Pause after each such transaction, which leaves the store to other work.
const PURGE_PAUSE: Duration = Duration::from_millis(20);
/// Minimum time from one purge to the next.
const PURGE_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// Maximum time from one purge to the next.
const PURGE_INTERVAL_MAX: Duration = Duration::from_hours(1);
/// The time between purges is the retention divided by this: an entry outlives its retention by at most a tenth.
const PURGE_DIVISOR: u32 = 10;

/// Deletes old inbox entries for all instances, while this one leads.
pub(crate) struct InboxCleaner<D> {
    pub(crate) store: D,
    pub(crate) leadership: Leadership,
    pub(crate) kafka: KafkaConfig,
    /// The topics that the service reads.
    pub(crate) topics: Vec<String>,
    pub(crate) consumer: ConsumerSlot,
    /// Retention in addition to that of the topics.
    pub(crate) margin: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

impl<D: Store> InboxCleaner<D> {
    /// Purges the inbox repeatedly until shutdown. Starts with the consumer, because before it the topics may not
    /// exist.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let work = async {
            self.consumer.wait().await;
            loop {
                sleep(self.purge().await).await;
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// Deletes expired entries and returns the wait until the next purge. Reads the topics' settings each time, because
    /// they can change.
    async fn purge(&self) -> Duration {
        if self.leadership.term().is_none() {
            return PURGE_INTERVAL_MIN;
        }
        let retention = match self.retention().await {
            Ok(Some(retention)) => retention,
            Ok(None) => {
                debug!("a topic keeps its records forever, keeping all inbox entries");
                return PURGE_INTERVAL_MAX;
            }
            Err(error) => {
                warn!(%error, "topic retention unknown, keeping all inbox entries");
                return PURGE_INTERVAL_MAX;
            }
        };
        match self.purge_older_than(retention).await {
            Ok(0) => {}
            Ok(deleted) => info!(deleted, retention_s = retention.as_secs(), "purged the inbox"),
            Err(error) => warn!(%error, "failed to purge the inbox, retrying"),
        }
        (retention / PURGE_DIVISOR).clamp(PURGE_INTERVAL_MIN, PURGE_INTERVAL_MAX)
    }

    async fn retention(&self) -> Result<Option<Duration>, KafkaError> {
        let topics: Vec<_> = self.topics.iter().map(String::as_str).collect();
        let gone_after = records_gone_after(&self.kafka, &topics).await?;
        Ok(gone_after.map(|age| age.saturating_add(self.margin)))
    }

    async fn purge_older_than(&self, retention: Duration) -> Result<u64, StoreError> {
        let horizon = Timestamp::now().saturating_sub(retention).unwrap_or(Timestamp::MIN);
        let (mut deleted, mut after) = (0, None);
        loop {
            let page = self.store.purge_inbox(horizon, after, PURGE_BATCH_SIZE).await?;
            deleted += page.purged;
            self.metrics.forgotten.add(page.purged, &[]);
            after = page.last;
            if after.is_none() {
                return Ok(deleted);
            }
            sleep(PURGE_PAUSE).await;
        }
    }
}
