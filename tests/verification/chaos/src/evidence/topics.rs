//! What is in the topics.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use anyhow::Result;
use contracts::{
    CorrelationId, Decoded, Event, EventId, OrderId, Received, TOPICS, decode,
    inventory::{InventoryEvent, StockLine},
};
use e2e::records::KafkaRecord;
use jiff::Timestamp;
use rdkafka::Message as _;
use xtask::ServiceName;

use super::Evidence;
use crate::choreography::dead_letter_topic;
use crate::faults::topic_fuzzer::POISON;
use crate::kafka::read_all;
use crate::system::SystemUnderTest;

/// Where a record is.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordPosition {
    /// The topic's own name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// What a record holds besides its place: two records with the same are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(u64);

impl ContentHash {
    fn of(record: &KafkaRecord) -> Self {
        let mut hasher = DefaultHasher::new();
        (&record.key, record.value.as_deref().unwrap_or_default()).hash(&mut hasher);
        Self(hasher.finish())
    }

    /// For tests of rules.
    #[cfg(test)]
    pub(crate) fn number(number: u64) -> Self {
        Self(number)
    }
}

/// A record that is an event.
#[derive(Debug, Clone)]
pub struct PublishedEvent {
    /// Where it is.
    pub place: RecordPosition,
    /// What it is about.
    pub order_id: OrderId,
    /// Its type.
    pub event: &'static str,
    /// Its name.
    pub id: EventId,
    /// When it happened.
    pub time: Timestamp,
    /// What led to it.
    pub causation_id: Option<EventId>,
    /// What it belongs to.
    pub correlation_id: CorrelationId,
    /// How many events led to it.
    pub hops: u32,
    /// The trace that it is part of.
    pub trace_id: Option<String>,
    /// Whether the record's key is the order.
    pub keyed_by_order: bool,
    /// Its key and data.
    pub content: ContentHash,
    /// The units that it reserves or releases.
    pub lines: Vec<(String, u32)>,
}

/// A record that breaks its contract, and was put there for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoisonRecord {
    /// Which one.
    pub number: String,
    /// Where it is.
    pub place: RecordPosition,
    /// What is in it.
    pub content: ContentHash,
}

/// A record that a service could not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedDeadLetter {
    /// Whose it is.
    pub service: ServiceName,
    /// Which poison it was, if it was.
    pub poison: Option<String>,
    /// Where it was.
    pub origin: RecordPosition,
    /// When it was found.
    pub found: String,
    /// What is in it.
    pub content: ContentHash,
}

pub(super) fn gather(system: &SystemUnderTest, evidence: &mut Evidence) -> Result<()> {
    read_all(system, &TOPICS.iter().map(ToString::to_string).collect::<Vec<_>>(), |message| {
        let record = KafkaRecord::of(message, system.prefix());
        let place =
            RecordPosition { topic: record.topic.clone(), partition: message.partition(), offset: message.offset() };
        sort(evidence, &record, place);
    })?;
    for service in ServiceName::all() {
        read_all(system, &[dead_letter_topic(service)], |message| {
            let record = KafkaRecord::of(message, system.prefix());
            if !record.resolves_dead_letter() {
                evidence.dead_letters.push(dead_letter(service, &record));
            }
        })?;
    }
    Ok(())
}

fn sort(evidence: &mut Evidence, record: &KafkaRecord, place: RecordPosition) {
    if let Some(number) = record.header(POISON) {
        evidence.poison.push(PoisonRecord { number: number.to_owned(), place, content: ContentHash::of(record) });
        return;
    }
    let header = |name: &str| {
        let (_, value) = record.headers.iter().find(|(known, _)| known == name)?;
        value.as_deref()
    };
    match decode(&record.topic, header, record.value.as_deref().unwrap_or_default()) {
        Ok(Decoded::Known(received)) => evidence.facts.push(fact(&received, record, place)),
        Ok(Decoded::Unknown { ce_type }) => evidence.broken.push(format!("{place:?}: unknown type {ce_type}")),
        Err(error) => evidence.broken.push(format!("{place:?}: {error}")),
    }
}

fn fact(received: &Received, record: &KafkaRecord, place: RecordPosition) -> PublishedEvent {
    let Received { meta, event } = received;
    PublishedEvent {
        place,
        order_id: event.order_id(),
        event: meta.event_type.name,
        id: meta.id,
        time: meta.time,
        causation_id: meta.causation_id,
        correlation_id: meta.correlation_id,
        hops: meta.hops,
        trace_id: record.header("traceparent").and_then(trace_id),
        keyed_by_order: record.is_about(meta.subject.as_str()),
        content: ContentHash::of(record),
        lines: lines(event),
    }
}

fn lines(event: &Event) -> Vec<(String, u32)> {
    let lines = match event {
        Event::Inventory(InventoryEvent::StockReserved(event)) => event.lines.as_slice(),
        Event::Inventory(InventoryEvent::StockReleased(event)) => event.lines.as_slice(),
        _ => &[],
    };
    lines.iter().map(|StockLine { sku, quantity }| (sku.to_string(), *quantity)).collect()
}

/// The second part of <https://www.w3.org/TR/trace-context/#traceparent-header>.
fn trace_id(traceparent: &str) -> Option<String> {
    traceparent.split('-').nth(1).map(str::to_owned)
}

fn dead_letter(service: ServiceName, record: &KafkaRecord) -> ObservedDeadLetter {
    let text = |name| record.header(name).unwrap_or_default().to_owned();
    let number = |name| record.header(name).and_then(|text| text.parse().ok()).unwrap_or(-1);
    ObservedDeadLetter {
        service,
        poison: record.header(POISON).map(str::to_owned),
        origin: RecordPosition {
            topic: text("dlq_topic"),
            partition: i32::try_from(number("dlq_partition")).unwrap_or(-1),
            offset: number("dlq_offset"),
        },
        found: text("dlq_time"),
        content: ContentHash::of(record),
    }
}
