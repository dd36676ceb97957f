//! Topics read from their beginning to their end, and how far a group has got. For tools: nothing is committed, and no
//! group is joined.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use crate::{KafkaConfig, quiet::Quiet, record::Record};

type Reader = BaseConsumer<Quiet>;

/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long nothing may come while there is more.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);

/// How far a group has got in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// The topic's own name.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The next record that the group will do; `None`: it has done nothing yet.
    pub committed: Option<i64>,
    /// Where the next record of the partition will be.
    pub end: i64,
    /// How many records there are that the group has not done.
    pub behind: i64,
}

/// Reads everything that is in these topics now; those of a partition come in order. A topic that does not exist is empty.
/// Blocks.
///
/// # Errors
/// The broker does not answer, or gives no more before the end.
pub fn read_to_end(config: &KafkaConfig, topics: &[&str], mut see: impl FnMut(&Record<'_>)) -> Result<(), KafkaError> {
    let reader = reader(config)?;
    let mut list = TopicPartitionList::new();
    let mut ends = BTreeMap::new();
    for (topic, partition) in partitions(&reader, config, topics)? {
        let (begin, end) = reader.fetch_watermarks(&topic, partition, ANSWER)?;
        if begin < end {
            list.add_partition_offset(&topic, partition, Offset::Offset(begin))?;
            ends.insert((topic, partition), end);
        }
    }
    reader.assign(&list)?;
    let mut heard = Instant::now();
    while !ends.is_empty() {
        match reader.poll(POLL) {
            Some(Ok(message)) => {
                heard = Instant::now();
                let place = (message.topic().to_owned(), message.partition());
                let Some(end) = ends.get(&place) else { continue };
                let is_last = message.offset() + 1 >= *end;
                if message.offset() < *end {
                    see(&Record::of(&message, config.own_name(message.topic())));
                }
                if is_last {
                    ends.remove(&place);
                }
            }
            // The last records of a partition may be none that are given.
            Some(Err(KafkaError::PartitionEOF(_))) => {
                for read in reader.position()?.elements() {
                    let place = (read.topic().to_owned(), read.partition());
                    if read.offset().to_raw() >= ends.get(&place).copied() {
                        ends.remove(&place);
                    }
                }
            }
            // The client tries again by itself.
            Some(Err(error)) if heard.elapsed() > SILENCE => return Err(error),
            None if heard.elapsed() > SILENCE => {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            Some(Err(_)) | None => {}
        }
    }
    Ok(())
}

/// How far the group of the configuration has got in these topics. Blocks.
///
/// # Errors
/// The broker does not answer.
pub fn lag(config: &KafkaConfig, topics: &[&str]) -> Result<Vec<Lag>, KafkaError> {
    let reader = reader(config)?;
    let partitions = partitions(&reader, config, topics)?;
    let mut list = TopicPartitionList::new();
    for (topic, partition) in &partitions {
        list.add_partition(topic, *partition);
    }
    let committed = reader.committed_offsets(list, ANSWER)?;
    let lag = |(topic, partition): (String, i32)| {
        let (begin, end) = reader.fetch_watermarks(&topic, partition, ANSWER)?;
        let found = committed.find_partition(&topic, partition).map(|found| found.offset());
        let committed = found.and_then(|offset| match offset {
            Offset::Offset(next) => Some(next),
            _ => None,
        });
        let behind = end - committed.unwrap_or(begin).max(begin);
        Ok(Lag { topic: config.own_name(&topic).to_owned(), partition, committed, end, behind })
    };
    partitions.into_iter().map(lag).collect()
}

fn reader(config: &KafkaConfig) -> Result<Reader, KafkaError> {
    let mut settings = config.reader();
    settings.set("enable.partition.eof", "true");
    settings.create_with_context(Quiet::default())
}

/// The partitions of those topics that exist, by their names at the broker.
fn partitions(reader: &Reader, config: &KafkaConfig, topics: &[&str]) -> Result<BTreeSet<(String, i32)>, KafkaError> {
    let wanted: BTreeSet<_> = topics.iter().map(|topic| config.topic(topic)).collect();
    // All topics: to ask for one by name may make it, on a broker that is set to.
    let metadata = reader.fetch_metadata(None, ANSWER)?;
    let known = metadata.topics().iter().filter(|topic| wanted.contains(topic.name()));
    let places =
        known.flat_map(|topic| topic.partitions().iter().map(|partition| (topic.name().to_owned(), partition.id())));
    Ok(places.collect())
}
