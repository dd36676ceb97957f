//! Duplicates and poison records, as caused by producer retries, mirroring and human mistakes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use contracts::TOPICS;
use e2e::records::KafkaRecord;
use fastrand::Rng;
use rdkafka::consumer::Consumer as _;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use crate::faults::plan::TopicFaults;
use crate::kafka::{partitions, reader};
use crate::system::SystemUnderTest;

/// Header that marks a poison record in every topic. Its value is unique for each record.
pub const POISON: &str = "chaos-poison";

const POLL: Duration = Duration::from_millis(50);
/// Maximum delay between a record and its duplicate.
const MAX_DUPLICATE_DELAY_MS: u64 = 6_000;

/// Numbers of injected records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InjectedRecords {
    pub duplicates: u32,
    pub poison: u32,
}

/// A record to be published again.
struct DelayedDuplicate {
    due: Instant,
    partition: i32,
    record: KafkaRecord,
}

/// Reads all events as they arrive and injects duplicates and poison records until `over` is set.
///
/// # Errors
/// The broker cannot be reached.
pub fn inject_topic_faults(
    system: &SystemUnderTest,
    topic_faults: TopicFaults,
    seed: u64,
    over: &AtomicBool,
) -> Result<InjectedRecords> {
    let mut rng = Rng::with_seed(seed);
    let consumer = reader(system, "chaos-topic-fuzzer")?;
    let mut list = TopicPartitionList::new();
    for topic in TOPICS.iter().copied().map(|topic| format!("{}{topic}", system.prefix())) {
        for partition in partitions(&consumer, &topic)? {
            list.add_partition_offset(&topic, partition, Offset::Beginning)?;
        }
    }
    consumer.assign(&list)?;

    let (mut added, mut known, mut duplicates) =
        (InjectedRecords::default(), HashSet::new(), Vec::<DelayedDuplicate>::new());
    while !over.load(Ordering::Relaxed) || !duplicates.is_empty() {
        let (due, later) = duplicates.into_iter().partition(|double: &DelayedDuplicate| double.due <= Instant::now());
        duplicates = later;
        for double in due {
            added.duplicates += u32::from(system.topics().try_publish(&double.record, Some(double.partition)).is_ok());
        }
        let Some(Ok(message)) = consumer.poll(POLL) else { continue };
        let record = KafkaRecord::of(&message, system.prefix());
        // Duplicates are not duplicated again.
        let is_new = record.header("ce_id").is_some_and(|id| known.insert(id.to_owned()));
        if record.header(POISON).is_some() || !is_new || over.load(Ordering::Relaxed) {
            continue;
        }
        if rng.u8(0..100) < topic_faults.duplicated_percent {
            let due = Instant::now() + Duration::from_millis(rng.u64(0..MAX_DUPLICATE_DELAY_MS));
            duplicates.push(DelayedDuplicate { due, partition: message.partition(), record: record.clone() });
        }
        if rng.u16(0..1_000) < topic_faults.poisoned_permille {
            let poison = poison(record, &mut rng).with(POISON, format!("{:016x}", rng.u64(..)));
            added.poison += u32::from(system.topics().try_publish(&poison, None).is_ok());
        }
    }
    Ok(added)
}

/// Breaks the record's contract in a random way.
fn poison(mut record: KafkaRecord, rng: &mut Rng) -> KafkaRecord {
    match rng.u8(0..7) {
        0 => record.value = Some(b"{\"order_id\": ".to_vec()),
        1 => record.value = Some(Vec::new()),
        2 => record.value = None,
        3 => record = record.without(rng.choice(["ce_id", "ce_type", "ce_subject"]).expect("a header")),
        4 => {
            let other = TOPICS.iter().copied().find(|topic| *topic != record.topic).expect("a second topic");
            other.clone_into(&mut record.topic);
        }
        5 => {
            let schema = record.header("ce_dataschema").unwrap_or_default();
            let unknown = schema.rsplit_once('/').map_or_else(String::new, |(name, _)| format!("{name}/2020-01"));
            record = record.with("ce_dataschema", unknown);
        }
        _ => record = record.with("ce_subject", "00000000-0000-7000-8000-000000000000"),
    }
    record
}

#[cfg(test)]
mod tests {
    use contracts::decode;
    use e2e::{TestProduct, facts};

    use super::*;

    #[test]
    fn every_poison_record_is_undecodable() {
        let product = TestProduct { sku: "MUG".to_owned(), price_minor: 100, received: 1 };
        let mut rng = Rng::with_seed(1);
        for _ in 0..200 {
            let good = facts::order_placed(facts::unknown_order(), &product, 1);
            let bad = poison(good, &mut rng);
            let header = |name: &str| {
                let (_, value) = bad.headers.iter().find(|(known, _)| known == name)?;
                value.as_deref()
            };
            let read = decode(&bad.topic, header, bad.value.as_deref().unwrap_or_default());
            assert!(read.is_err(), "{bad:?} is read as {read:?}");
        }
    }
}
