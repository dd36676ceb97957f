//! Creation and inspection of topics. Clients never create topics implicitly, so a misspelled name is an error.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::{Client, ClientContext},
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    metadata::{Metadata, MetadataPartition},
    types::RDKafkaErrorCode,
};
use tokio::time::{Instant, sleep};

use crate::{
    KafkaConfig,
    dead_letters::{REDRIVE_SUFFIX, TOPIC_SUFFIX},
    logging::RateLimitedContext,
};

type Admin = AdminClient<RateLimitedContext>;

/// Maximum time for each step.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a dead letter: twice the broker's default record size, which leaves room for the added headers.
const DEAD_LETTER_BYTES_MAX: &str = "2097152";
/// Dead letters are kept forever, because the time at which an operator inspects them is unknown.
const DEAD_LETTER_RETENTION_MS: &str = "-1";
/// Interval between checks for a new topic.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Creates the missing topics and waits until all topics are ready for reads and writes. Existing topics are not changed.
///
/// # Errors
/// The broker is unreachable, refuses a topic, or does not have it ready in time.
pub async fn ensure_topics(config: &KafkaConfig, names: &[&str]) -> Result<(), KafkaError> {
    let admin: Admin = config.client().create_with_context(RateLimitedContext::default())?;
    let names: Vec<_> = names.iter().map(|name| config.topic(name)).collect();
    create_missing(config, &admin, &names).await?;
    wait_until_known(Arc::new(admin), &names).await
}

async fn create_missing(config: &KafkaConfig, admin: &Admin, names: &[String]) -> Result<(), KafkaError> {
    let replication = || TopicReplication::Fixed(config.replication);
    let topic = |name| {
        let topic = NewTopic::new(name, config.partitions, replication());
        let is_for_dead_letters = name.ends_with(TOPIC_SUFFIX);
        let topic = if is_for_dead_letters { topic.set("retention.ms", DEAD_LETTER_RETENTION_MS) } else { topic };
        // A redriven record also names its dead letter, so it is larger than the original.
        let is_larger = is_for_dead_letters || name.ends_with(REDRIVE_SUFFIX);
        if is_larger { topic.set("max.message.bytes", DEAD_LETTER_BYTES_MAX) } else { topic }
    };
    let topics: Vec<_> = names.iter().map(String::as_str).map(topic).collect();
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
    for created in admin.create_topics(&topics, &options).await? {
        match created {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(KafkaError::AdminOp(code)),
        }
    }
    Ok(())
}

/// The topics of a service at the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicsState<const OWN: usize> {
    /// True if all topics are ready for reads and writes.
    pub are_ready: bool,
    /// Number of records that were ever written to each of the service's own topics; `None` if the topic does not exist. It
    /// never decreases unless the topic is deleted or the broker loses its data.
    pub own_ends: [Option<u64>; OWN],
}

/// Inspects topics, some of which are the service's own.
///
/// # Errors
/// The broker is unreachable.
pub async fn inspect_topics<const OWN: usize>(
    config: &KafkaConfig,
    names: &[&str],
    own: [&str; OWN],
) -> Result<TopicsState<OWN>, KafkaError> {
    let client: BaseConsumer<RateLimitedContext> = config.client().create_with_context(RateLimitedContext::default())?;
    let names: Vec<_> = names.iter().map(|name| config.topic(name)).collect();
    let own = own.map(|name| config.topic(name));
    let query = tokio::task::spawn_blocking(move || {
        let metadata = all_topics(client.client(), TIMEOUT)?;
        let are_ready = names.iter().all(|name| is_known(&metadata, name));
        let mut own_ends = [None; OWN];
        for (own_end, name) in own_ends.iter_mut().zip(&own) {
            *own_end = end(&client, &metadata, name)?;
        }
        Ok(TopicsState { are_ready, own_ends })
    });
    query.await.map_err(|_| KafkaError::Canceled)?
}

/// Number of records that were ever written to a topic.
fn end(client: &BaseConsumer<RateLimitedContext>, metadata: &Metadata, name: &str) -> Result<Option<u64>, KafkaError> {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none());
    let Some(topic) = topic else { return Ok(None) };
    let end = |partition: &MetadataPartition| client.fetch_watermarks(name, partition.id(), TIMEOUT);
    let ends = topic.partitions().iter().map(end).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(ends.into_iter().map(|(_, end)| end.unsigned_abs()).sum()))
}

/// Fetches the metadata of all topics, because a query by name may create the topic, depending on the broker.
pub(crate) fn all_topics<C: ClientContext>(client: &Client<C>, timeout: Duration) -> Result<Metadata, KafkaError> {
    client.fetch_metadata(None, timeout)
}

/// A topic that another service is just creating may exist before it is in the broker's metadata. A consumer that
/// subscribed to it now would not read it before its next metadata refresh.
async fn wait_until_known(admin: Arc<Admin>, names: &[String]) -> Result<(), KafkaError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let client = Arc::clone(&admin);
        let query = tokio::task::spawn_blocking(move || all_topics(client.inner(), TIMEOUT));
        let metadata = query.await.map_err(|_| KafkaError::Canceled)??;
        if names.iter().all(|name| is_known(&metadata, name)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::UnknownTopicOrPartition));
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn is_known(metadata: &Metadata, name: &str) -> bool {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name);
    topic.is_some_and(|topic| {
        let has_leader = |partition: &MetadataPartition| partition.leader() >= 0;
        topic.error().is_none() && !topic.partitions().is_empty() && topic.partitions().iter().all(has_leader)
    })
}
