//! The topics of one suite.

use anyhow::{Context as _, Result, bail};
use catalog::TOPICS;
use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, ResourceSpecifier},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    groups::GroupInfo,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};

use super::{
    assignment::assigned_partitions,
    client::{RESPONSE_TIMEOUT, client_config},
    reader::TopicReader,
    record::{KafkaRecord, RecordPosition},
};
use crate::blocking::block_on;

/// Topics at a broker whose names share a prefix. Deletes them when dropped.
pub struct TestTopics {
    broker: String,
    prefix: String,
    producer: FutureProducer,
}

impl TestTopics {
    /// The topics with this prefix.
    #[track_caller]
    pub fn new(broker: &str, prefix: &str) -> Self {
        let mut config = client_config(broker);
        // Above the broker's limit, so that the broker rejects records that are too large.
        config.set("message.max.bytes", "10000000");
        let producer = config.create().expect("a producer starts");
        Self { broker: broker.to_owned(), prefix: prefix.to_owned(), producer }
    }

    /// Prefix of the topics' names.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Address of the broker.
    pub fn broker(&self) -> &str {
        &self.broker
    }

    /// Name of a topic at the broker, with the prefix.
    pub fn full_name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// Writes a record and waits for the broker's acknowledgement.
    #[track_caller]
    pub fn publish(&self, record: &KafkaRecord) -> RecordPosition {
        self.try_publish(record, None).expect("the broker accepts the record")
    }

    /// Writes a record in a compressed batch. The broker's limit applies to the compressed size.
    #[track_caller]
    pub fn publish_compressed(&self, record: &KafkaRecord) {
        let mut config = client_config(&self.broker);
        config.set("message.max.bytes", "10000000").set("compression.type", "gzip");
        let producer = config.create().expect("a producer starts");
        send(&producer, &self.full_name(&record.topic), record, None).expect("the broker accepts the record");
    }

    /// Writes records to partition 0, in this order.
    #[track_caller]
    pub fn publish_in_order(&self, records: &[&KafkaRecord]) {
        for record in records {
            self.try_publish(record, Some(0)).expect("the broker accepts the record");
        }
    }

    /// Writes a record and waits for the broker's acknowledgement. Without a partition, the key selects one.
    ///
    /// # Errors
    /// The broker rejects the record or does not respond.
    pub fn try_publish(&self, record: &KafkaRecord, partition: Option<i32>) -> Result<RecordPosition> {
        send(&self.producer, &self.full_name(&record.topic), record, partition)
    }

    /// Reads topics from their beginning.
    #[track_caller]
    pub fn read(&self, topics: &[&str]) -> TopicReader {
        TopicReader::open(&self.broker, &self.prefix, topics).expect("the topics are readable")
    }

    /// Reads the topics of all services from their beginning.
    #[track_caller]
    pub fn read_all(&self) -> TopicReader {
        self.read(TOPICS)
    }

    /// Number of partitions that the broker assigned to each member of a consumer group; empty if the group does not
    /// exist.
    ///
    /// # Errors
    /// The broker does not describe the group.
    pub fn group(&self, group: &str) -> Result<Vec<usize>> {
        let consumer: BaseConsumer = client_config(&self.broker).create()?;
        let name = self.full_name(group);
        let groups = consumer.fetch_group_list(Some(&name), RESPONSE_TIMEOUT)?;
        let members = groups.groups().iter().filter(|group| group.name() == name).flat_map(GroupInfo::members);
        let partitions = |assignment: Option<&[u8]>| assigned_partitions(assignment.unwrap_or_default());
        members.map(|member| partitions(member.assignment()).context("malformed assignment")).collect()
    }

    /// A topic's property at the broker; `None` if the broker does not know the property.
    #[track_caller]
    pub fn property(&self, topic: &str, name: &str) -> Option<String> {
        let topic = self.full_name(topic);
        let options = AdminOptions::new().request_timeout(Some(RESPONSE_TIMEOUT));
        let admin = self.admin().expect("an admin client starts");
        let described = block_on(admin.describe_configs(&[ResourceSpecifier::Topic(&topic)], &options));
        let described = described.expect("the broker describes topics").pop().expect("one description per request");
        let described = described.unwrap_or_else(|error| panic!("failed to describe {topic}: {error}"));
        described.get(name)?.value.clone()
    }

    /// Sets properties of a topic; all others return to the broker's defaults.
    #[track_caller]
    pub fn set_properties(&self, topic: &str, properties: &[(&str, &str)]) {
        let name = self.full_name(topic);
        let mut settings = AlterConfig::new(ResourceSpecifier::Topic(&name));
        for (property, value) in properties {
            settings = settings.set(property, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(RESPONSE_TIMEOUT));
        let admin = self.admin().expect("an admin client starts");
        for altered in block_on(admin.alter_configs(&[settings], &options)).expect("the broker alters topics") {
            if let Err((_, error)) = altered {
                panic!("failed to set properties of {name}: {error}");
            }
        }
    }

    /// Raises a topic's number of partitions.
    ///
    /// # Errors
    /// The broker refuses or does not respond.
    pub fn grow(&self, topic: &str, partitions: usize) -> Result<()> {
        let name = self.full_name(topic);
        let options = AdminOptions::new().operation_timeout(Some(RESPONSE_TIMEOUT));
        let grown = block_on(self.admin()?.create_partitions(&[NewPartitions::new(&name, partitions)], &options))?;
        match grown.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some((name, error)) => bail!("failed to add partitions to {name}: {error}"),
        }
    }

    /// Deletes topics with all their records.
    #[track_caller]
    pub fn delete(&self, topics: &[&str]) {
        let names: Vec<_> = topics.iter().map(|topic| self.full_name(topic)).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let options = AdminOptions::new().operation_timeout(Some(RESPONSE_TIMEOUT));
        let admin = self.admin().expect("an admin client starts");
        for deleted in block_on(admin.delete_topics(&names, &options)).expect("the broker deletes topics") {
            if let Err((name, error)) = deleted {
                panic!("failed to delete {name}: {error}");
            }
        }
    }

    /// Deletes all records of topics, as their retention does.
    #[track_caller]
    pub fn delete_records(&self, topics: &[&str]) {
        let consumer: BaseConsumer = client_config(&self.broker).create().expect("a consumer starts");
        let metadata = consumer.fetch_metadata(None, RESPONSE_TIMEOUT).expect("the broker lists topics");
        let mut ends = TopicPartitionList::new();
        for topic in topics.iter().map(|topic| self.full_name(topic)) {
            let found = metadata.topics().iter().find(|found| found.name() == topic).expect("the topic exists");
            for partition in found.partitions() {
                ends.add_partition_offset(&topic, partition.id(), Offset::End).expect("a valid offset");
            }
        }
        let options = AdminOptions::new().operation_timeout(Some(RESPONSE_TIMEOUT));
        let admin = self.admin().expect("an admin client starts");
        block_on(admin.delete_records(&ends, &options)).expect("the broker deletes records");
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        Ok(client_config(&self.broker).create()?)
    }

    fn existing(&self) -> Result<Vec<String>> {
        let consumer: BaseConsumer = client_config(&self.broker).create()?;
        let metadata = consumer.fetch_metadata(None, RESPONSE_TIMEOUT)?;
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        Ok(names.filter(|name| name.starts_with(&self.prefix)).collect())
    }

    fn delete_all(&self) -> Result<()> {
        let names = self.existing()?;
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let options = AdminOptions::new().operation_timeout(Some(RESPONSE_TIMEOUT));
        block_on(self.admin()?.delete_topics(&names, &options))?;
        Ok(())
    }
}

impl Drop for TestTopics {
    /// Deletes the topics, so that a broker shared by many runs does not collect them. Best effort, because the broker
    /// may be stopped.
    fn drop(&mut self) {
        if let Err(error) = self.delete_all() {
            eprintln!("failed to delete topics {}*: {error:#}", self.prefix);
        }
    }
}

fn send(
    producer: &FutureProducer,
    topic: &str,
    record: &KafkaRecord,
    partition: Option<i32>,
) -> Result<RecordPosition> {
    let mut headers = OwnedHeaders::new();
    for (key, value) in &record.headers {
        headers = headers.insert(Header { key, value: value.as_ref() });
    }
    let mut outgoing = FutureRecord::<[u8], [u8]>::to(topic).headers(headers);
    outgoing.key = record.key.as_deref();
    outgoing.payload = record.value.as_deref();
    outgoing.partition = partition;
    let sent = block_on(producer.send(outgoing, RESPONSE_TIMEOUT));
    let delivery =
        sent.map_err(|(error, _)| error).with_context(|| format!("failed to publish a record to {topic}"))?;
    Ok(RecordPosition { partition: delivery.partition, offset: delivery.offset })
}
