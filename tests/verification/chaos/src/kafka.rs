//! Kafka consumers of the checker: reading topics to their end, and the lag of a group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use xtask::{ServiceName, wait_until};

use crate::choreography::consumes;
use crate::system::SystemUnderTest;

/// Timeout of one broker request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum pause between two records before the end of a topic.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

pub(crate) fn client(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config.set("reconnect.backoff.max.ms", "1000");
    config
}

/// Creates a consumer that never commits.
pub(crate) fn reader(system: &SystemUnderTest, group: &str) -> Result<BaseConsumer> {
    let mut config = client(system.address());
    config.set("group.id", group).set("enable.auto.commit", "false").set("allow.auto.create.topics", "false");
    Ok(config.create()?)
}

/// Partitions of a topic, given with its prefix.
pub(crate) fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
    Ok(metadata.topics().iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect())
}

/// Offset of the next record of a partition. Retries because a new client may not have the partition's metadata yet.
fn end(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<i64> {
    let ask = || consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT).map(|(_, end)| end);
    wait_until(&format!("the end of {topic}/{partition}"), REQUEST_TIMEOUT, ask)
}

/// Reads all records that the topics contain now.
///
/// # Errors
/// The broker does not answer, or delivers no further records.
pub(crate) fn read_all(
    system: &SystemUnderTest,
    topics: &[String],
    mut visit: impl FnMut(&BorrowedMessage<'_>),
) -> Result<()> {
    let consumer = reader(system, "chaos-reader")?;
    let mut open = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for topic in topics.iter().map(|topic| format!("{}{topic}", system.prefix())) {
        for partition in partitions(&consumer, &topic)? {
            let end = end(&consumer, &topic, partition)?;
            if end > 0 {
                list.add_partition_offset(&topic, partition, Offset::Beginning)?;
                open.insert((topic.clone(), partition), end);
            }
        }
    }
    consumer.assign(&list)?;
    let mut last_read = Instant::now();
    while !open.is_empty() {
        ensure!(last_read.elapsed() < READ_TIMEOUT, "no further records of {open:?}");
        let Some(Ok(message)) = consumer.poll(POLL) else { continue };
        last_read = Instant::now();
        let place = (message.topic().to_owned(), message.partition());
        let Some(end) = open.get(&place) else { continue };
        let is_last = message.offset() + 1 >= *end;
        if message.offset() < *end {
            visit(&message);
        }
        if is_last {
            open.remove(&place);
        }
    }
    Ok(())
}

/// Records not yet processed by a service, computed from its group's committed offsets.
///
/// # Errors
/// The broker does not answer.
pub(crate) fn lag(system: &SystemUnderTest, service: ServiceName) -> Result<i64> {
    let group = format!("{}{service}", system.prefix());
    let consumer = reader(system, &group)?;
    let mut list = TopicPartitionList::new();
    let mut behind = 0;
    for topic in consumes(service).iter().map(|topic| format!("{}{topic}", system.prefix())) {
        for partition in partitions(&consumer, &topic)? {
            list.add_partition(&topic, partition);
            behind += end(&consumer, &topic, partition)?;
        }
    }
    let committed =
        consumer.committed_offsets(list, REQUEST_TIMEOUT).with_context(|| format!("the offsets of {group}"))?;
    let done =
        committed.elements().iter().map(|partition| partition.offset().to_raw().unwrap_or(0).max(0)).sum::<i64>();
    Ok(behind - done)
}
