//! Watches the topics: creates missing ones, and publishes the service's facts again if its own topic has lost records.
//!
//! Kafka only transports facts; the services' logs own them. A topic never ends below the number of records that were
//! written to it, and offsets only grow. If the topic ends below the number of events that the service has published, or a
//! record is acknowledged at a lower offset than an earlier one, then the topic was deleted, or the broker lost its data. The
//! same applies to the number of published dead letters and their topic.

use std::time::Duration;

use decider::Service;
use messaging::{KafkaConfig, KafkaError, TopicsState, ensure_topics, inspect_topics};
use store::{Leadership, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{consume::ConsumerSlot, http::Replays, publish::Published};

/// Time between checks.
const INTERVAL: Duration = Duration::from_secs(5);

pub(crate) struct TopicWatch<S: Service, D> {
    pub(crate) store: D,
    pub(crate) leadership: Leadership,
    pub(crate) kafka: KafkaConfig,
    /// All topics that the service reads or writes.
    pub(crate) topics: Vec<String>,
    /// Topic of the service's own events.
    pub(crate) own: &'static str,
    /// Topic of the service's dead letters.
    pub(crate) dead_letter: String,
    pub(crate) consumer: ConsumerSlot,
    pub(crate) published: Published,
    pub(crate) replays: Replays<S>,
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Service, D: Store> TopicWatch<S, D> {
    /// Checks until shutdown, while this instance leads. Starts with the consumer, because before it the topics may not
    /// exist.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let work = async {
            self.consumer.wait().await;
            let mut interval = interval(INTERVAL);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut counted = None;
            loop {
                tokio::select! {
                    _ = interval.tick() => if let Err(error) = self.check(&mut counted).await {
                        warn!(%error, "failed to check the topics, retrying");
                    },
                    () = self.published.replaced() => {
                        warn!(topic = self.own, "topic was replaced by a new one, publishing everything again");
                        self.replay_all().await;
                    }
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }

    /// `counted` is the number of events published before this process published any in this term of leadership.
    async fn check(&self, counted: &mut Option<(u64, u64)>) -> Result<(), WatchError> {
        let Some(term) = self.leadership.term() else { return Ok(()) };
        let before = match *counted {
            Some((of, before)) if of == term => before,
            _ => {
                // Acknowledgements after this count make the sum too small, never too large.
                let published = self.published.count();
                let before = self.store.published_len().await?.saturating_sub(published);
                *counted = Some((term, before));
                before
            }
        };
        let published = before + self.published.count();
        let topics: Vec<_> = self.topics.iter().map(String::as_str).collect();
        let letters = self.store.published_letters_len().await?;
        let own = [self.own, &self.dead_letter];
        let TopicsState { are_ready, own_ends } = inspect_topics(&self.kafka, &topics, own).await?;
        for (topic, _) in own.iter().zip(&own_ends).filter(|(_, end)| end.is_none()) {
            warn!(topic, "topic is missing, creating it");
        }
        if !are_ready {
            ensure_topics(&self.kafka, &topics).await?;
        }
        let [end, letters_end] = own_ends.map(Option::unwrap_or_default);
        if letters_end < letters {
            let topic = &self.dead_letter;
            warn!(topic, end = letters_end, published = letters, "topic has lost dead letters, publishing all again");
            self.replays.republish_dead_letters().await?;
        }
        // The topic is short until an earlier replay has been published.
        let is_replaying = !self.store.replays(1).await?.is_empty();
        if end < published && !is_replaying {
            warn!(topic = self.own, end, published, "topic has lost records, publishing everything again");
            self.replay_all().await;
        }
        Ok(())
    }

    async fn replay_all(&self) {
        self.replays.replay_all().await;
        info!(topic = self.own, "queued all events to be published again");
    }
}
