//! The consumer's client and its replacement after a fatal error.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::{
    ClientContext, Statistics,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance},
    error::KafkaError,
    statistics,
};
use tracing::{info, warn};

use crate::{
    KafkaConfig,
    logging::{self, RateLimitedContext},
};

/// A member of the consumer group.
pub(crate) type GroupClient = BaseConsumer<Context>;

/// The client that is currently a member of the group. A member that the broker has fenced cannot recover and must be
/// replaced. Fencing happens when another process takes its place, and also to a member whose session ended while the
/// broker was unavailable.
pub(crate) struct CurrentClient {
    config: KafkaConfig,
    topics: Vec<String>,
    client: RwLock<Arc<GroupClient>>,
}

impl CurrentClient {
    pub(crate) fn new(config: &KafkaConfig, topics: &[&str]) -> Result<Self, KafkaError> {
        let topics: Vec<_> = topics.iter().map(|name| config.topic(name)).collect();
        let client = RwLock::new(subscribed(config, &topics)?);
        Ok(Self { config: config.clone(), topics, client })
    }

    pub(crate) fn get(&self) -> Arc<GroupClient> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the client with a new one.
    pub(crate) fn replace(&self) -> Result<Arc<GroupClient>, KafkaError> {
        let client = subscribed(&self.config, &self.topics)?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&client);
        Ok(client)
    }
}

fn subscribed(config: &KafkaConfig, topics: &[String]) -> Result<Arc<GroupClient>, KafkaError> {
    let mut settings = config.consumer();
    settings.set_log_level(RDKafkaLogLevel::Warning);
    let context = Context { prefix: config.prefix.clone(), ..Context::default() };
    let client: GroupClient = settings.create_with_context(context)?;
    client.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(Arc::new(client))
}

/// Receives logs, errors, statistics and rebalances from librdkafka.
#[derive(Default)]
pub(crate) struct Context {
    prefix: String,
    errors: RateLimitedContext,
    /// Set by the group's first assignment of partitions to this client.
    pub(crate) assigned: AtomicBool,
    /// Unread records by topic.
    pub(crate) lag: Mutex<Vec<(String, u64)>>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        logging::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.errors.log_error(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let of_topic = |(name, topic): (String, statistics::Topic)| {
            // The lag is -1 for partitions of other instances and for partitions that have not been read yet.
            let lag =
                topic.partitions.values().map(|partition| u64::try_from(partition.consumer_lag).unwrap_or(0)).sum();
            (name.strip_prefix(&self.prefix).unwrap_or(&name).to_owned(), lag)
        };
        *self.lag.lock().expect("no holder of the lock panics") = statistics.topics.into_iter().map(of_topic).collect();
    }
}

impl ConsumerContext for Context {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                self.assigned.store(true, Ordering::Relaxed);
                info!(partitions = partitions.count(), "partitions assigned");
            }
            Rebalance::Revoke(partitions) => info!(partitions = partitions.count(), "partitions revoked"),
            Rebalance::Error(error) => warn!(%error, "rebalance failed"),
        }
    }
}
