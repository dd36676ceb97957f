//! The consumer's client, its partitions, and its replacement after a fatal error.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientContext, Offset, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance},
    error::KafkaError,
    metadata::MetadataTopic,
    statistics,
};
use tracing::{info, warn};

use crate::{
    KafkaConfig,
    logging::{self, RateLimitedContext},
    record::Offsets,
    topics::all_topics,
};

/// Maximum time for the broker's list of topics.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// The client of a consumer.
pub(crate) type ConsumerClient = BaseConsumer<Context>;

/// The origin of a consumer's partitions.
#[derive(Debug, Clone)]
pub(crate) enum Assignment {
    /// The consumer group divides the partitions among its members.
    Group,
    /// All partitions, without a group, from these positions on. A partition without a position is read from its beginning.
    All(Offsets),
}

/// The client that currently reads. A member of a group that the broker has fenced cannot recover and must be replaced.
/// Fencing happens when another process takes its place, and also to a member whose session ended while the broker was
/// unavailable.
pub(crate) struct CurrentClient {
    config: KafkaConfig,
    topics: Vec<String>,
    assignment: Assignment,
    client: RwLock<Arc<ConsumerClient>>,
}

impl CurrentClient {
    pub(crate) fn new(config: &KafkaConfig, topics: &[&str], assignment: Assignment) -> Result<Self, KafkaError> {
        let topics: Vec<_> = topics.iter().map(|name| config.topic(name)).collect();
        let client = RwLock::new(connect(config, &topics, &assignment)?);
        Ok(Self { config: config.clone(), topics, assignment, client })
    }

    /// Returns whether the client is a member of a group.
    pub(crate) fn is_in_group(&self) -> bool {
        matches!(self.assignment, Assignment::Group)
    }

    /// Assigns the partitions that the client does not read yet, if it reads all of them. Returns whether all topics exist.
    pub(crate) fn assign_new_partitions(&self, client: &ConsumerClient) -> Result<bool, KafkaError> {
        let Assignment::All(positions) = &self.assignment else { return Ok(true) };
        let (found, assigned) = (partitions(client, &self.topics)?, client.assignment()?);
        let mut new = TopicPartitionList::new();
        for (topic, partition) in &found {
            if assigned.find_partition(topic, *partition).is_none() {
                let next = positions.next(topic, *partition).map_or(Offset::Beginning, Offset::Offset);
                new.add_partition_offset(topic, *partition, next)?;
            }
        }
        if new.count() > 0 {
            client.incremental_assign(&new)?;
            info!(partitions = new.count(), "partitions assigned");
        }
        let is_complete = self.topics.iter().all(|topic| found.iter().any(|(known, _)| known == topic));
        if is_complete {
            client.context().assigned.store(true, Ordering::Relaxed);
        }
        Ok(is_complete)
    }

    pub(crate) fn get(&self) -> Arc<ConsumerClient> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the client with a new one.
    pub(crate) fn replace(&self) -> Result<Arc<ConsumerClient>, KafkaError> {
        let client = connect(&self.config, &self.topics, &self.assignment)?;
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&client);
        Ok(client)
    }
}

fn connect(
    config: &KafkaConfig,
    topics: &[String],
    assignment: &Assignment,
) -> Result<Arc<ConsumerClient>, KafkaError> {
    let mut settings = match assignment {
        Assignment::Group => config.consumer(),
        Assignment::All(_) => config.ungrouped_consumer(),
    };
    settings.set_log_level(RDKafkaLogLevel::Warning);
    let context = Context {
        prefix: config.prefix.clone(),
        is_in_group: matches!(assignment, Assignment::Group),
        ..Context::default()
    };
    let client: ConsumerClient = settings.create_with_context(context)?;
    if let Assignment::Group = assignment {
        client.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    Ok(Arc::new(client))
}

/// Partitions of those of the topics that exist.
fn partitions(client: &ConsumerClient, topics: &[String]) -> Result<Vec<(String, i32)>, KafkaError> {
    let metadata = all_topics(client.client(), METADATA_TIMEOUT)?;
    let existing = metadata.topics().iter().filter(|topic| topics.iter().any(|wanted| wanted == topic.name()));
    let of_topic = |topic: &MetadataTopic| {
        topic.partitions().iter().map(|partition| (topic.name().to_owned(), partition.id())).collect::<Vec<_>>()
    };
    Ok(existing.flat_map(of_topic).collect())
}

/// Receives logs, errors, statistics and rebalances from librdkafka.
#[derive(Default)]
pub(crate) struct Context {
    prefix: String,
    is_in_group: bool,
    errors: RateLimitedContext,
    /// Set by the group's first assignment of partitions to this client, or once all partitions of all topics are assigned.
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
            // The lag is -1 for partitions of other instances and for partitions that have not been read yet. Without a
            // group nothing is committed, and only the lag behind the stored offset is known.
            let lag_of = |partition: &statistics::Partition| {
                let known = if partition.consumer_lag < 0 && !self.is_in_group {
                    partition.consumer_lag_stored
                } else {
                    partition.consumer_lag
                };
                u64::try_from(known).unwrap_or(0)
            };
            let lag = topic.partitions.values().map(lag_of).sum();
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
