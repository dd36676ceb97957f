//! The topics of one suite at the broker.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contracts::TOPICS;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::runtime::Runtime;

/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    FromBeginning,
    /// With what comes after this.
    FromNow,
}

/// Topics with a common prefix; deleted when dropped, for others may use the broker, too.
pub(crate) struct Topics<'a> {
    runtime: &'a Runtime,
    broker: String,
    prefix: String,
}

impl<'a> Topics<'a> {
    pub(crate) fn new(runtime: &'a Runtime, broker: &str, prefix: &str) -> Self {
        Self { runtime, broker: broker.to_owned(), prefix: prefix.to_owned() }
    }

    /// What all their names begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A topic's name at the broker.
    pub(crate) fn full_name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// What every Kafka client here begins with.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.broker).set("group.id", self.full_name("never committed"));
        config.set("enable.auto.commit", "false");
        config
    }

    /// Makes a topic with as many partitions as another has.
    ///
    /// # Errors
    /// The broker does not.
    pub(crate) fn make_like(&self, topic: &str, other: &str) -> Result<()> {
        let partitions = i32::try_from(self.partitions(&self.consumer()?, other)?.len())?;
        let name = self.full_name(topic);
        let made = self.admin()?;
        let new = [NewTopic::new(&name, partitions, TopicReplication::Fixed(1))];
        let made = self.runtime.block_on(made.create_topics(&new, &options()))?;
        let refused = made.into_iter().find_map(Result::err);
        ensure!(refused.is_none(), "cannot make the topic {name}: {refused:?}");
        Ok(())
    }

    /// The numbers of a topic's partitions.
    pub(crate) fn partitions(&self, consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>> {
        let name = self.full_name(topic);
        let metadata = consumer.fetch_metadata(Some(&name), ANSWER).with_context(|| format!("the topic {name}"))?;
        let partitions: Vec<_> =
            metadata.topics().iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
        ensure!(!partitions.is_empty(), "there is no topic {name}");
        Ok(partitions)
    }

    /// How many records a topic was ever given.
    pub(crate) fn records(&self, topic: &str) -> Result<u64> {
        let consumer = self.consumer()?;
        let name = self.full_name(topic);
        let mut records = 0;
        for partition in self.partitions(&consumer, topic)? {
            let (_, end) = consumer.fetch_watermarks(&name, partition, ANSWER)?;
            records += u64::try_from(end)?;
        }
        Ok(records)
    }

    /// How many records all topics of events were ever given.
    pub(crate) fn events(&self) -> Result<u64> {
        TOPICS.into_iter().map(|topic| self.records(topic)).sum()
    }

    /// A consumer that reads all partitions of these topics.
    ///
    /// # Errors
    /// The broker can't be asked for them.
    pub(crate) fn reader(&self, topics: &[&str], from: Reading) -> Result<BaseConsumer> {
        let consumer = self.consumer()?;
        let mut all = TopicPartitionList::new();
        for topic in topics {
            let name = self.full_name(topic);
            for partition in self.partitions(&consumer, topic)? {
                let offset = match from {
                    Reading::FromBeginning => Offset::Beginning,
                    // As a number: the end would be that of the time when the consumer gets to it.
                    Reading::FromNow => Offset::Offset(consumer.fetch_watermarks(&name, partition, ANSWER)?.1),
                };
                all.add_partition_offset(&name, partition, offset)?;
            }
        }
        consumer.assign(&all)?;
        Ok(consumer)
    }

    /// A consumer that reads nothing yet.
    fn consumer(&self) -> Result<BaseConsumer> {
        self.client().create().context("cannot make a Kafka consumer")
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.broker);
        config.create().context("cannot make a Kafka client")
    }

    fn delete_all(&self) -> Result<()> {
        let metadata = self.consumer()?.fetch_metadata(None, ANSWER)?;
        let names = metadata.topics().iter().map(MetadataTopic::name);
        let names: Vec<_> = names.filter(|name| name.starts_with(&self.prefix)).collect();
        self.runtime.block_on(self.admin()?.delete_topics(&names, &options()))?;
        Ok(())
    }
}

impl Drop for Topics<'_> {
    /// Best effort, for the broker may be gone.
    fn drop(&mut self) {
        if let Err(error) = self.delete_all() {
            eprintln!("topics {}* are left behind: {error:#}", self.prefix);
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER))
}
