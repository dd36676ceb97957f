//! Reads topics from beginning to end, and the committed offsets of a group. Made for tools: it joins no group and commits
//! nothing.

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

/// Maximum time for a response of the broker.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between retries of a query that a broker cannot answer yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum retries of such a query.
const RETRIES_MAX: usize = 50;
/// Maximum time without a record before the end of the topics.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Maximum time that one poll waits.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// Progress of a group in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// The topic's name without prefix.
    pub topic: String,
    pub partition: i32,
    /// Offset of the next record for the group; `None` if it has committed nothing.
    pub committed: Option<i64>,
    /// Offset after the last record of the partition.
    pub end: i64,
    /// Number of existing records that the group has not processed.
    pub behind: i64,
}

/// Calls `visit` for every record that the topics contain now, in order within a partition. A topic that does not exist
/// counts as empty. Blocks.
///
/// # Errors
/// The broker does not respond, or stops delivering before the end.
pub fn read_to_end(
    config: &KafkaConfig,
    topics: &[&str],
    mut visit: impl FnMut(&Record<'_>),
) -> Result<(), KafkaError> {
    let reader = reader(config)?;
    let mut remaining = assign(&reader, config, topics)?;
    let mut last_received = Instant::now();
    while !remaining.is_empty() {
        match reader.poll(POLL_TIMEOUT) {
            Some(Ok(message)) => {
                last_received = Instant::now();
                let place = (message.topic().to_owned(), message.partition());
                let end = remaining.get(&place).copied().unwrap_or_default();
                if message.offset() < end {
                    visit(&Record::of(&message, config.own_name(message.topic())));
                }
                if message.offset() + 1 >= end {
                    remaining.remove(&place);
                }
            }
            // The last offsets of a partition may belong to control records, which are not delivered.
            Some(Err(KafkaError::PartitionEOF(_))) => remove_finished(&mut remaining, &reader.position()?),
            // The client itself retries.
            Some(Err(error)) if last_received.elapsed() > SILENCE_MAX => return Err(error),
            None if last_received.elapsed() > SILENCE_MAX => {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            Some(Err(_)) | None => {}
        }
    }
    Ok(())
}

/// End offsets of partitions that are not fully read.
type Ends = BTreeMap<(String, i32), i64>;

fn assign(reader: &Reader, config: &KafkaConfig, topics: &[&str]) -> Result<Ends, KafkaError> {
    let mut list = TopicPartitionList::new();
    let mut ends = Ends::new();
    for (topic, partition) in partitions(reader, config, topics)? {
        let (begin, end) = retry_transient(|| reader.fetch_watermarks(&topic, partition, RESPONSE_TIMEOUT))?;
        if begin < end {
            list.add_partition_offset(&topic, partition, Offset::Offset(begin))?;
            ends.insert((topic, partition), end);
        }
    }
    reader.assign(&list)?;
    Ok(ends)
}

fn remove_finished(remaining: &mut Ends, position: &TopicPartitionList) {
    let next = |place: &(String, i32)| position.find_partition(&place.0, place.1)?.offset().to_raw();
    remaining.retain(|place, end| next(place).is_none_or(|next| next < *end));
}

/// Returns the progress of the configured group in these topics. Blocks.
///
/// # Errors
/// The broker does not respond.
pub fn lag(config: &KafkaConfig, topics: &[&str]) -> Result<Vec<Lag>, KafkaError> {
    let reader = reader(config)?;
    let partitions = partitions(&reader, config, topics)?;
    let mut list = TopicPartitionList::new();
    for (topic, partition) in &partitions {
        list.add_partition(topic, *partition);
    }
    let committed = retry_transient(|| reader.committed_offsets(list.clone(), RESPONSE_TIMEOUT))?;
    let lag = |(topic, partition): (String, i32)| {
        let (begin, end) = retry_transient(|| reader.fetch_watermarks(&topic, partition, RESPONSE_TIMEOUT))?;
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

/// Retries a query while leaders or coordinators move. The client looks up the new one with the next request.
fn retry_transient<T>(query: impl FnMut() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    use RDKafkaErrorCode::{CoordinatorLoadInProgress, LeaderNotAvailable, NotCoordinator, NotLeaderForPartition};
    let transient = [NotLeaderForPartition, LeaderNotAvailable, NotCoordinator, CoordinatorLoadInProgress];
    let times = ConstantBuilder::new().with_delay(RETRY_INTERVAL).with_max_times(RETRIES_MAX);
    let is_transient = |error: &KafkaError| error.rdkafka_error_code().is_some_and(|code| transient.contains(&code));
    query.retry(times).when(is_transient).call()
}

fn reader(config: &KafkaConfig) -> Result<Reader, KafkaError> {
    let mut settings = config.reader();
    settings.set("enable.partition.eof", "true");
    settings.create_with_context(RateLimitedContext::default())
}

/// Partitions of the existing topics, with the broker's topic names.
fn partitions(reader: &Reader, config: &KafkaConfig, topics: &[&str]) -> Result<BTreeSet<(String, i32)>, KafkaError> {
    let wanted: BTreeSet<_> = topics.iter().map(|topic| config.topic(topic)).collect();
    // Query all topics: a query by name may create the topic, depending on the broker.
    let metadata = reader.fetch_metadata(None, RESPONSE_TIMEOUT)?;
    let known = metadata.topics().iter().filter(|topic| wanted.contains(topic.name()));
    let places =
        known.flat_map(|topic| topic.partitions().iter().map(|partition| (topic.name().to_owned(), partition.id())));
    Ok(places.collect())
}
