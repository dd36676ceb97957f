//! Topics read from their beginning to their end, and how far a group has got. For tools: nothing is committed, and no
//! group is joined.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use backon::{BlockingRetryable as _, ConstantBuilder};
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use crate::{KafkaConfig, logging::RateLimitedContext, record::Record};

type Reader = BaseConsumer<RateLimitedContext>;

/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How soon to ask once more what a broker does not know yet.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// How often.
const ASK_TIMES: usize = 50;
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
    let mut left = assign(&reader, config, topics)?;
    let mut heard = Instant::now();
    while !left.is_empty() {
        match reader.poll(POLL) {
            Some(Ok(message)) => {
                heard = Instant::now();
                let place = (message.topic().to_owned(), message.partition());
                let end = left.get(&place).copied().unwrap_or_default();
                if message.offset() < end {
                    see(&Record::of(&message, config.own_name(message.topic())));
                }
                if message.offset() + 1 >= end {
                    left.remove(&place);
                }
            }
            // The last records of a partition may be none that are given.
            Some(Err(KafkaError::PartitionEOF(_))) => forget_read(&mut left, &reader.position()?),
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

/// Where each partition that is not read yet ends.
type Ends = BTreeMap<(String, i32), i64>;

fn assign(reader: &Reader, config: &KafkaConfig, topics: &[&str]) -> Result<Ends, KafkaError> {
    let mut list = TopicPartitionList::new();
    let mut ends = Ends::new();
    for (topic, partition) in partitions(reader, config, topics)? {
        let (begin, end) = patiently(|| reader.fetch_watermarks(&topic, partition, ANSWER))?;
        if begin < end {
            list.add_partition_offset(&topic, partition, Offset::Offset(begin))?;
            ends.insert((topic, partition), end);
        }
    }
    reader.assign(&list)?;
    Ok(ends)
}

fn forget_read(left: &mut Ends, position: &TopicPartitionList) {
    let read = |place: &(String, i32)| position.find_partition(&place.0, place.1)?.offset().to_raw();
    left.retain(|place, end| read(place).is_none_or(|next| next < *end));
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
    let committed = patiently(|| reader.committed_offsets(list.clone(), ANSWER))?;
    let lag = |(topic, partition): (String, i32)| {
        let (begin, end) = patiently(|| reader.fetch_watermarks(&topic, partition, ANSWER))?;
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

/// Asks again for a while when a broker says that it does not know yet, or is no longer who knows: leaders move, and the
/// client looks for the new one at the next question.
fn patiently<T>(ask: impl FnMut() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    use RDKafkaErrorCode::{CoordinatorLoadInProgress, LeaderNotAvailable, NotCoordinator, NotLeaderForPartition};
    let passing = [NotLeaderForPartition, LeaderNotAvailable, NotCoordinator, CoordinatorLoadInProgress];
    let times = ConstantBuilder::new().with_delay(ASK_AGAIN).with_max_times(ASK_TIMES);
    let is_passing = |error: &KafkaError| error.rdkafka_error_code().is_some_and(|code| passing.contains(&code));
    ask.retry(times).when(is_passing).call()
}

fn reader(config: &KafkaConfig) -> Result<Reader, KafkaError> {
    let mut settings = config.reader();
    settings.set("enable.partition.eof", "true");
    settings.create_with_context(RateLimitedContext::default())
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
