//! Topics are made by the services' start, never by a typing error in a producer.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    error::KafkaError,
    metadata::Metadata,
    types::RDKafkaErrorCode,
};
use tokio::time::{Instant, sleep};

use crate::{
    KafkaConfig,
    dead_letters::{REDRIVE_SUFFIX, TOPIC_SUFFIX},
    logging::RateLimitedContext,
};

type Admin = AdminClient<RateLimitedContext>;

/// How long the broker may take for each step.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest dead letter: the largest record that a broker takes by default, twice over, for what is added to it.
const DEAD_LETTER_BYTES_MAX: &str = "2097152";
/// A dead letter is kept until somebody has looked at it: for ever, because nobody can say when that is.
const DEAD_LETTER_RETENTION_MS: &str = "-1";
/// How soon to ask again whether a topic is there.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Makes those of the topics that don't exist yet, and waits until all of them are there to be read and written.
/// Existing ones stay as they are.
///
/// # Errors
/// The broker can't be reached, refuses, or does not know a topic in time.
pub async fn ensure_topics(config: &KafkaConfig, names: &[&str]) -> Result<(), KafkaError> {
    let admin: Admin = config.client().create_with_context(RateLimitedContext::default())?;
    let names: Vec<_> = names.iter().map(|name| config.topic(name)).collect();
    make(config, &admin, &names).await?;
    wait_until_known(Arc::new(admin), &names).await
}

async fn make(config: &KafkaConfig, admin: &Admin, names: &[String]) -> Result<(), KafkaError> {
    let replication = || TopicReplication::Fixed(config.replication);
    let topic = |name| {
        let topic = NewTopic::new(name, config.partitions, replication());
        let is_for_dead_letters = name.ends_with(TOPIC_SUFFIX);
        let topic = if is_for_dead_letters { topic.set("retention.ms", DEAD_LETTER_RETENTION_MS) } else { topic };
        // What is redriven says which dead letter it was, so it is larger than the record at first, too.
        let is_larger = is_for_dead_letters || name.ends_with(REDRIVE_SUFFIX);
        if is_larger { topic.set("max.message.bytes", DEAD_LETTER_BYTES_MAX) } else { topic }
    };
    let topics: Vec<_> = names.iter().map(String::as_str).map(topic).collect();
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
    for made in admin.create_topics(&topics, &options).await? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(KafkaError::AdminOp(code)),
        }
    }
    Ok(())
}

/// A topic that another service is just making exists, but is not known yet. A consumer that subscribed to it now would
/// go without it until it looks again.
async fn wait_until_known(admin: Arc<Admin>, names: &[String]) -> Result<(), KafkaError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let client = Arc::clone(&admin);
        // All topics: to ask for one by name may make it, on a broker that is set to.
        let asked = tokio::task::spawn_blocking(move || client.inner().fetch_metadata(None, TIMEOUT));
        let metadata = asked.await.map_err(|_| KafkaError::Canceled)??;
        if names.iter().all(|name| is_known(&metadata, name)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::UnknownTopicOrPartition));
        }
        sleep(ASK_AGAIN).await;
    }
}

fn is_known(metadata: &Metadata, name: &str) -> bool {
    let topic = metadata.topics().iter().find(|topic| topic.name() == name);
    topic.is_some_and(|topic| {
        let led = |partition: &rdkafka::metadata::MetadataPartition| partition.leader() >= 0;
        topic.error().is_none() && !topic.partitions().is_empty() && topic.partitions().iter().all(led)
    })
}
