//! Somebody with access to the broker who doubles records and adds poison, as retries of producers, mirrors and mistakes do.

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

/// The header by which poison is known again, wherever it goes. Its value is different in each.
pub const POISON: &str = "chaos-poison";

const POLL: Duration = Duration::from_millis(50);
/// The latest time after its record that a double comes.
const MAX_DUPLICATE_DELAY_MS: u64 = 6_000;

/// What was added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InjectedRecords {
    /// Events that came again.
    pub duplicates: u32,
    /// Records that break their contract.
    pub poison: u32,
}

/// A record that is to be written again.
struct DelayedDuplicate {
    due: Instant,
    partition: i32,
    record: KafkaRecord,
}

/// Reads all events as they come, and adds to them until it is over.
///
/// # Errors
/// The broker can't be used at all.
pub fn inject_topic_faults(
    system: &SystemUnderTest,
    topic_faults: TopicFaults,
    seed: u64,
    over: &AtomicBool,
) -> Result<InjectedRecords> {
    let mut rng = Rng::with_seed(seed);
    let consumer = reader(system, "chaos meddles")?;
    let mut list = TopicPartitionList::new();
    for topic in TOPICS.iter().map(|topic| format!("{}{topic}", system.prefix())) {
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
        // What is there once more, by whomever, is not doubled again.
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

/// The record, broken in one of the ways in which records break.
fn poison(mut record: KafkaRecord, rng: &mut Rng) -> KafkaRecord {
    match rng.u8(0..7) {
        0 => record.value = Some(b"{\"order_id\": ".to_vec()),
        1 => record.value = Some(Vec::new()),
        2 => record.value = None,
        3 => record = record.without(rng.choice(["ce_id", "ce_type", "ce_subject"]).expect("one of them")),
        4 => {
            let other = TOPICS.iter().find(|topic| **topic != record.topic).expect("there are four");
            (*other).clone_into(&mut record.topic);
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
    fn all_poison_breaks_the_contract() {
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
