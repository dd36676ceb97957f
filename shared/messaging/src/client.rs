//! The consumer's client, and its replacement when it can't go on.

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

/// A member of the group.
pub(crate) type Client = BaseConsumer<Context>;

/// The client that is a member of the group now. A member that the broker fenced off can never go on: that happens when
/// another process takes its place, but also to a member that missed the end of its session while the broker was away.
pub(crate) struct CurrentClient {
    config: KafkaConfig,
    topics: Vec<String>,
    client: RwLock<Arc<Client>>,
}

impl CurrentClient {
    pub(crate) fn new(config: &KafkaConfig, topics: &[&str]) -> Result<Self, KafkaError> {
        let topics: Vec<_> = topics.iter().map(|name| config.topic(name)).collect();
        let client = RwLock::new(subscribed(config, &topics)?);
        Ok(Self { config: config.clone(), topics, client })
    }

    pub(crate) fn get(&self) -> Arc<Client> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new client in the old one's place.
    pub(crate) fn replace(&self) -> Result<Arc<Client>, KafkaError> {
        let client = subscribed(&self.config, &self.topics)?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&client);
        Ok(client)
    }
}

fn subscribed(config: &KafkaConfig, topics: &[String]) -> Result<Arc<Client>, KafkaError> {
    let mut settings = config.consumer();
    settings.set_log_level(RDKafkaLogLevel::Warning);
    let context = Context { prefix: config.prefix.clone(), ..Context::default() };
    let client: Client = settings.create_with_context(context)?;
    client.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(Arc::new(client))
}

/// What the client tells about itself.
#[derive(Default)]
pub(crate) struct Context {
    prefix: String,
    quiet: RateLimitedContext,
    /// Whether it was ever given partitions.
    pub(crate) assigned: AtomicBool,
    /// How many records of each topic it has yet to read.
    pub(crate) lag: Mutex<Vec<(String, u64)>>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        logging::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.quiet.tell(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let of_topic = |(name, topic): (String, statistics::Topic)| {
            // Partitions of other replicas, and those that nothing was read from yet, have a lag of -1.
            let lag =
                topic.partitions.values().map(|partition| u64::try_from(partition.consumer_lag).unwrap_or(0)).sum();
            (name.strip_prefix(&self.prefix).unwrap_or(&name).to_owned(), lag)
        };
        *self.lag.lock().expect("nobody panics while holding it") =
            statistics.topics.into_iter().map(of_topic).collect();
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
