//! Topics of one suite at the broker.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use catalog::TOPICS;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::runtime::Runtime;

/// Timeout of requests to the broker.
const BROKER_TIMEOUT: Duration = Duration::from_secs(20);

/// Start of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartOffset {
    FromBeginning,
    /// Only records that are published after this call.
    FromNow,
}

/// Topics with a common prefix, deleted on drop because others may use the broker too.
pub(crate) struct BenchTopics<'a> {
    runtime: &'a Runtime,
    broker: String,
    prefix: String,
}

impl<'a> BenchTopics<'a> {
    pub(crate) fn new(runtime: &'a Runtime, broker: &str, prefix: &str) -> Self {
        Self { runtime, broker: broker.to_owned(), prefix: prefix.to_owned() }
    }

    /// Common prefix of the topics' names.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Name of a topic at the broker.
    pub(crate) fn full_name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// Configuration that all Kafka clients here share.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.broker).set("group.id", self.full_name("never committed"));
        config.set("enable.auto.commit", "false").set("fetch.wait.max.ms", "50");
        config
    }

    /// Creates a topic with as many partitions as another one.
    ///
    /// # Errors
    /// The broker refuses.
    pub(crate) fn make_like(&self, topic: &str, other: &str) -> Result<()> {
        let partitions = i32::try_from(self.partitions(&self.consumer()?, other)?.len())?;
        let name = self.full_name(topic);
        let made = self.admin()?;
        let new = [NewTopic::new(&name, partitions, TopicReplication::Fixed(1))];
        let made = self.runtime.block_on(made.create_topics(&new, &options()))?;
        let refused = made.into_iter().find_map(Result::err);
        ensure!(refused.is_none(), "failed to create the topic {name}: {refused:?}");
        Ok(())
    }

    /// Partition numbers of a topic.
    pub(crate) fn partitions(&self, consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>> {
        let name = self.full_name(topic);
        let metadata = consumer
            .fetch_metadata(Some(&name), BROKER_TIMEOUT)
            .with_context(|| format!("failed to read the metadata of topic {name}"))?;
        let partitions: Vec<_> =
            metadata.topics().iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
        ensure!(!partitions.is_empty(), "unknown topic {name}");
        Ok(partitions)
    }

    /// Number of records ever written to a topic.
    pub(crate) fn records(&self, topic: &str) -> Result<u64> {
        let consumer = self.consumer()?;
        let name = self.full_name(topic);
        let mut records = 0;
        for partition in self.partitions(&consumer, topic)? {
            let (_, end) = consumer.fetch_watermarks(&name, partition, BROKER_TIMEOUT)?;
            records += u64::try_from(end)?;
        }
        Ok(records)
    }

    /// Number of records ever written to the topics of all services.
    pub(crate) fn events(&self) -> Result<u64> {
        TOPICS.iter().map(|topic| self.records(topic)).sum()
    }

    /// Creates a consumer of all partitions of these topics.
    ///
    /// # Errors
    /// The broker is unavailable.
    pub(crate) fn reader(&self, topics: &[&str], from: StartOffset) -> Result<BaseConsumer> {
        let consumer = self.consumer()?;
        let mut all = TopicPartitionList::new();
        for topic in topics {
            let name = self.full_name(topic);
            for partition in self.partitions(&consumer, topic)? {
                let offset = match from {
                    StartOffset::FromBeginning => Offset::Beginning,
                    // A number, because `End` would mean the end at the time when the consumer starts to fetch.
                    StartOffset::FromNow => {
                        Offset::Offset(consumer.fetch_watermarks(&name, partition, BROKER_TIMEOUT)?.1)
                    }
                };
                all.add_partition_offset(&name, partition, offset)?;
            }
        }
        consumer.assign(&all)?;
        Ok(consumer)
    }

    /// Creates a consumer without an assignment.
    fn consumer(&self) -> Result<BaseConsumer> {
        self.client().create().context("failed to create a Kafka consumer")
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.broker);
        config.create().context("failed to create a Kafka client")
    }

    fn delete_all(&self) -> Result<()> {
        let metadata = self.consumer()?.fetch_metadata(None, BROKER_TIMEOUT)?;
        let names = metadata.topics().iter().map(MetadataTopic::name);
        let names: Vec<_> = names.filter(|name| name.starts_with(&self.prefix)).collect();
        self.runtime.block_on(self.admin()?.delete_topics(&names, &options()))?;
        Ok(())
    }
}

impl Drop for BenchTopics<'_> {
    /// Best effort: the broker may be unavailable.
    fn drop(&mut self) {
        if let Err(error) = self.delete_all() {
            eprintln!("failed to delete the topics {}*: {error:#}", self.prefix);
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(BROKER_TIMEOUT)).request_timeout(Some(BROKER_TIMEOUT))
}
