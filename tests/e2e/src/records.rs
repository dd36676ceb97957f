//! Records as they are, without any idea of what an event is.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, ResourceSpecifier},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    groups::GroupInfo,
    message::{BorrowedMessage, Header, Headers as _, OwnedHeaders},
    metadata::MetadataTopic,
    producer::{FutureProducer, FutureRecord},
};
use tokio::runtime::Runtime;

use crate::{PATIENCE, must};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);
/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(20);

/// A record, or one to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The topic's own name, without the suite's prefix.
    pub topic: String,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value.
    pub value: Option<Vec<u8>>,
    /// The headers, in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    /// A record without headers.
    pub fn new(topic: &str, key: &str, value: &[u8]) -> Self {
        let (key, value) = (Some(key.as_bytes().to_vec()), Some(value.to_vec()));
        Self { topic: topic.to_owned(), key, value, headers: Vec::new() }
    }

    /// What was read from a topic whose name begins with the suite's prefix.
    pub fn of(message: &BorrowedMessage<'_>, prefix: &str) -> Self {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        Self {
            topic: message.topic().strip_prefix(prefix).unwrap_or_default().to_owned(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
        }
    }

    /// The same with one more header, or another value of one that it has.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = Some(value.as_ref().to_vec());
        match self.headers.iter_mut().find(|(known, _)| known == name) {
            Some(header) => header.1 = value,
            None => self.headers.push((name.to_owned(), value)),
        }
        self
    }

    /// The same without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }

    /// Whether it is about this: its key.
    pub fn is_about(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key.as_bytes())
    }

    /// Whether it says what an operator did about a dead letter, and so is none itself.
    pub fn resolves_dead_letter(&self) -> bool {
        self.headers.iter().any(|(name, _)| name == "dlq_resolves")
    }

    /// The event's name in `ce_type`.
    pub fn event(&self) -> Option<&str> {
        self.header("ce_type")?.rsplit('.').next()
    }
}

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The partition of its topic.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
}

/// The topics of one suite.
pub struct Topics {
    broker: String,
    prefix: String,
    producer: FutureProducer,
}

impl Topics {
    /// The topics at this broker whose names begin so.
    #[track_caller]
    pub fn new(broker: &str, prefix: &str) -> Self {
        let mut config = client(broker);
        // More than the broker takes: what is too large is its to say.
        config.set("message.max.bytes", "10000000");
        Self { broker: broker.to_owned(), prefix: prefix.to_owned(), producer: must(config.create()) }
    }

    /// What the topics' names begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The broker's address.
    pub fn broker(&self) -> &str {
        &self.broker
    }

    /// A topic's name at the broker.
    pub fn full_name(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    /// Writes a record and waits until the broker has it.
    #[track_caller]
    pub fn publish(&self, record: &Record) -> Place {
        must(self.try_publish(record, None))
    }

    /// Writes records to one partition, in this order.
    #[track_caller]
    pub fn publish_in_order(&self, records: &[&Record]) {
        for record in records {
            must(self.try_publish(record, Some(0)));
        }
    }

    /// Writes a record and waits until the broker has it.
    ///
    /// # Errors
    /// The broker does not take it.
    pub fn try_publish(&self, record: &Record, partition: Option<i32>) -> Result<Place> {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: value.as_ref() });
        }
        let topic = self.full_name(&record.topic);
        let mut outgoing = FutureRecord::<[u8], [u8]>::to(&topic).headers(headers);
        outgoing.key = record.key.as_deref();
        outgoing.payload = record.value.as_deref();
        outgoing.partition = partition;
        let sent = runtime().block_on(self.producer.send(outgoing, ANSWER));
        let delivery = sent.map_err(|(error, _)| error).with_context(|| format!("a record for {topic}"))?;
        Ok(Place { partition: delivery.partition, offset: delivery.offset })
    }

    /// Reads topics from their beginning, and on.
    #[track_caller]
    pub fn read(&self, topics: &[&str]) -> Reader {
        must(Reader::open(self, topics))
    }

    /// How many partitions each member of a consumer group has, as the broker knows it; none when there is no such group.
    ///
    /// # Errors
    /// The broker does not tell.
    pub fn group(&self, group: &str) -> Result<Vec<usize>> {
        let consumer: BaseConsumer = client(&self.broker).create()?;
        let name = self.full_name(group);
        let groups = consumer.fetch_group_list(Some(&name), ANSWER)?;
        let members = groups.groups().iter().filter(|group| group.name() == name).flat_map(GroupInfo::members);
        members.map(|member| assigned(member.assignment().unwrap_or_default()).context("an assignment")).collect()
    }

    /// A topic's setting at the broker; `None`: it has none of that name.
    #[track_caller]
    pub fn setting(&self, topic: &str, name: &str) -> Option<String> {
        let admin: AdminClient<DefaultClientContext> = must(client(&self.broker).create());
        let topic = self.full_name(topic);
        let options = AdminOptions::new().request_timeout(Some(ANSWER));
        let described = runtime().block_on(admin.describe_configs(&[ResourceSpecifier::Topic(&topic)], &options));
        let described = must(described).into_iter().next().expect("one was asked for");
        let described = described.unwrap_or_else(|error| panic!("{topic}: {error}"));
        described.get(name)?.value.clone()
    }

    /// Gives a topic more partitions.
    ///
    /// # Errors
    /// The broker does not.
    pub fn grow(&self, topic: &str, partitions: usize) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = client(&self.broker).create()?;
        let name = self.full_name(topic);
        let options = AdminOptions::new().operation_timeout(Some(ANSWER));
        let grown = runtime().block_on(admin.create_partitions(&[NewPartitions::new(&name, partitions)], &options))?;
        match grown.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some((name, error)) => bail!("{name} does not grow: {error}"),
        }
    }

    /// Sets properties of a topic; all others become the broker's own.
    #[track_caller]
    pub fn set(&self, topic: &str, properties: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = must(client(&self.broker).create());
        let name = self.full_name(topic);
        let mut settings = AlterConfig::new(ResourceSpecifier::Topic(&name));
        for (property, value) in properties {
            settings = settings.set(property, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(ANSWER));
        for altered in must(runtime().block_on(admin.alter_configs(&[settings], &options))) {
            if let Err((_, error)) = altered {
                panic!("{name} can't be set: {error}");
            }
        }
    }

    fn names_at_the_broker(&self) -> Result<Vec<String>> {
        let consumer: BaseConsumer = client(&self.broker).create()?;
        let metadata = consumer.fetch_metadata(None, ANSWER)?;
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        Ok(names.filter(|name| name.starts_with(&self.prefix)).collect())
    }

    fn delete_all(&self) -> Result<()> {
        let names = self.names_at_the_broker()?;
        let admin: AdminClient<DefaultClientContext> = client(&self.broker).create()?;
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let options = AdminOptions::new().operation_timeout(Some(ANSWER));
        runtime().block_on(admin.delete_topics(&names, &options))?;
        Ok(())
    }
}

impl Drop for Topics {
    /// A broker that many runs share should not collect their topics. Best effort, for it may be gone.
    fn drop(&mut self) {
        if let Err(error) = self.delete_all() {
            eprintln!("topics {}* are left behind: {error:#}", self.prefix);
        }
    }
}

/// What was read of some topics so far.
pub struct Reader {
    consumer: BaseConsumer,
    prefix: String,
    seen: RefCell<Vec<(Record, Place)>>,
}

impl Reader {
    fn open(topics: &Topics, names: &[&str]) -> Result<Self> {
        let mut config = client(&topics.broker);
        config.set("group.id", "never committed");
        config.set("enable.auto.commit", "false");
        config.set("fetch.message.max.bytes", "10000000");
        let consumer: BaseConsumer = config.create()?;
        let mut partitions = TopicPartitionList::new();
        for name in names.iter().map(|name| topics.full_name(name)) {
            let metadata = consumer.fetch_metadata(Some(&name), ANSWER)?;
            for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
                partitions.add_partition_offset(&name, partition.id(), Offset::Beginning)?;
            }
        }
        consumer.assign(&partitions)?;
        Ok(Self { consumer, prefix: topics.prefix.clone(), seen: RefCell::default() })
    }

    /// Reads until `found` finds what it looks for in all that was read.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, found: impl Fn(&[(Record, Place)]) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = found(&self.seen.borrow()) {
                return found;
            }
            if started.elapsed() > PATIENCE {
                let seen = self.seen.borrow();
                let last = seen.iter().rev().take(5).collect::<Vec<_>>();
                panic!("waited {PATIENCE:?} for {what}; {} records seen, the last: {last:?}", seen.len());
            }
            self.poll();
        }
    }

    /// Waits for a record with this key that is as asked.
    #[track_caller]
    pub fn wait_for_one(&self, key: &str, what: &str, is: impl Fn(&Record) -> bool) -> Record {
        self.wait_for(&format!("{what} about {key}"), |seen| {
            seen.iter().map(|(record, _)| record).find(|record| record.is_about(key) && is(record)).cloned()
        })
    }

    /// All records with this key so far.
    pub fn about(&self, key: &str) -> Vec<Record> {
        let seen = self.seen.borrow();
        seen.iter().map(|(record, _)| record).filter(|record| record.is_about(key)).cloned().collect()
    }

    fn poll(&self) {
        let mut wait = POLL;
        while let Some(message) = self.consumer.poll(wait) {
            // An error is about the connection; the client mends it, or the wait ends.
            if let Ok(message) = message {
                let place = Place { partition: message.partition(), offset: message.offset() };
                self.seen.borrow_mut().push((Record::of(&message, &self.prefix), place));
            }
            wait = Duration::ZERO;
        }
    }
}

/// How many partitions an assignment of Kafka's consumer protocol holds: a version, then topics with their partitions.
fn assigned(mut bytes: &[u8]) -> Option<usize> {
    fn number<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
        let (number, rest) = bytes.split_first_chunk::<N>()?;
        *bytes = rest;
        Some(*number)
    }
    let mut partitions = 0;
    let _version: [u8; 2] = number(&mut bytes)?;
    for _ in 0..i32::from_be_bytes(number(&mut bytes)?) {
        let name = usize::from(u16::from_be_bytes(number(&mut bytes)?));
        bytes = bytes.get(name..)?;
        let count = usize::try_from(i32::from_be_bytes(number(&mut bytes)?)).ok()?;
        bytes = bytes.get(4 * count..)?;
        partitions += count;
    }
    Some(partitions)
}

fn client(broker: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker);
    config
}

/// Runs one future to its end.
pub(crate) fn runtime() -> Runtime {
    must(tokio::runtime::Builder::new_current_thread().enable_all().build())
}
