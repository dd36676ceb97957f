//! Reading of topics from their beginning.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use anyhow::Result;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    metadata::MetadataTopic,
};

use super::{
    client::{RESPONSE_TIMEOUT, client_config},
    record::{KafkaRecord, RecordPosition},
};
use crate::timeout::TEST_TIMEOUT;

/// Longest wait of one poll.
const POLL_TIMEOUT: Duration = Duration::from_millis(50);

/// Reads topics and keeps every record.
pub struct TopicReader {
    consumer: BaseConsumer,
    prefix: String,
    seen: RefCell<Vec<(KafkaRecord, RecordPosition)>>,
}

impl TopicReader {
    pub(super) fn open(broker: &str, prefix: &str, topics: &[&str]) -> Result<Self> {
        let mut config = client_config(broker);
        config.set("group.id", "never committed");
        config.set("enable.auto.commit", "false");
        config.set("fetch.message.max.bytes", "10000000");
        let consumer: BaseConsumer = config.create()?;
        let mut partitions = TopicPartitionList::new();
        for name in topics.iter().map(|topic| format!("{prefix}{topic}")) {
            let metadata = consumer.fetch_metadata(Some(&name), RESPONSE_TIMEOUT)?;
            for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
                partitions.add_partition_offset(&name, partition.id(), Offset::Beginning)?;
            }
        }
        consumer.assign(&partitions)?;
        Ok(Self { consumer, prefix: prefix.to_owned(), seen: RefCell::default() })
    }

    /// Reads until `find` returns a value for all records read so far.
    #[track_caller]
    pub fn wait_for<T>(&self, description: &str, find: impl Fn(&[(KafkaRecord, RecordPosition)]) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = find(&self.seen.borrow()) {
                return found;
            }
            if started.elapsed() > TEST_TIMEOUT {
                let seen = self.seen.borrow();
                let last = seen.iter().rev().take(5).collect::<Vec<_>>();
                panic!("waited {TEST_TIMEOUT:?} for {description}; read {} records, the last: {last:?}", seen.len());
            }
            self.poll();
        }
    }

    /// Waits for a record with this key that meets a condition.
    #[track_caller]
    pub fn wait_for_one(&self, key: &str, description: &str, matches: impl Fn(&KafkaRecord) -> bool) -> KafkaRecord {
        self.wait_for(&format!("{description} about {key}"), |seen| {
            seen.iter().map(|(record, _)| record).find(|record| record.is_about(key) && matches(record)).cloned()
        })
    }

    /// Waits for an event of this type with this key.
    #[track_caller]
    pub fn wait_for_event(&self, key: &str, event: &str) -> KafkaRecord {
        self.wait_for_one(key, event, |record| record.event() == Some(event))
    }

    /// Records with this key, read so far.
    pub fn about(&self, key: &str) -> Vec<KafkaRecord> {
        let seen = self.seen.borrow();
        seen.iter().map(|(record, _)| record).filter(|record| record.is_about(key)).cloned().collect()
    }

    fn poll(&self) {
        let mut timeout = POLL_TIMEOUT;
        while let Some(message) = self.consumer.poll(timeout) {
            // Errors concern the connection: the client reconnects, or the wait times out.
            if let Ok(message) = message {
                let position = RecordPosition { partition: message.partition(), offset: message.offset() };
                self.seen.borrow_mut().push((KafkaRecord::of(&message, &self.prefix), position));
            }
            timeout = Duration::ZERO;
        }
    }
}
