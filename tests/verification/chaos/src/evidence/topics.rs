//! Contents of the topics.

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

use crate::choreography::dead_letter_topic;
use crate::faults::topic_fuzzer::POISON;
use crate::kafka::read_all;
use crate::system::SystemUnderTest;

/// Position of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordPosition {
    /// Name without prefix.
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// Hash of a record's key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(u64);

impl ContentHash {
    fn of(record: &KafkaRecord) -> Self {
        let mut hasher = DefaultHasher::new();
        (&record.key, record.value.as_deref().unwrap_or_default()).hash(&mut hasher);
        Self(hasher.finish())
    }

    #[cfg(test)]
    pub(crate) fn number(number: u64) -> Self {
        Self(number)
    }
}

/// A record that contains an event.
#[derive(Debug, Clone)]
pub struct PublishedEvent {
    pub position: RecordPosition,
    pub order_id: OrderId,
    /// Name of the event type.
    pub event: &'static str,
    pub id: EventId,
    pub time: Timestamp,
    pub causation_id: Option<EventId>,
    pub correlation_id: CorrelationId,
    pub hops: u32,
    /// Number among the events that the owner published about the order.
    pub sequence: Option<u64>,
    pub trace_id: Option<String>,
    /// True if the record's key is the order id.
    pub keyed_by_order: bool,
    pub content: ContentHash,
    /// Units reserved or released, by SKU.
    pub lines: Vec<(String, u32)>,
}

/// An injected record that breaks its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoisonRecord {
    /// Value of the poison header.
    pub number: String,
    pub position: RecordPosition,
    pub content: ContentHash,
}

/// A record in a dead letter topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedDeadLetter {
    /// Owner of the dead letter topic.
    pub service: ServiceName,
    /// Value of the poison header. `None` if the original was not poison.
    pub poison: Option<String>,
    /// Position of the original.
    pub origin: RecordPosition,
    /// Time at which the service rejected the record.
    pub found: String,
    pub content: ContentHash,
}

#[derive(Default)]
pub(super) struct TopicContents {
    pub(super) facts: Vec<PublishedEvent>,
    pub(super) poison: Vec<PoisonRecord>,
    pub(super) broken: Vec<String>,
    pub(super) dead_letters: Vec<ObservedDeadLetter>,
}

pub(super) fn read(system: &SystemUnderTest) -> Result<TopicContents> {
    let mut contents = TopicContents::default();
    let topics: Vec<_> = TOPICS.iter().copied().map(str::to_owned).collect();
    read_all(system, &topics, |message| {
        let record = KafkaRecord::of(message, system.prefix());
        let topic = record.topic.clone();
        let position = RecordPosition { topic, partition: message.partition(), offset: message.offset() };
        contents.add(&record, position);
    })?;
    for service in ServiceName::all() {
        read_all(system, &[dead_letter_topic(service)], |message| {
            let record = KafkaRecord::of(message, system.prefix());
            if !record.resolves_dead_letter() {
                contents.dead_letters.push(dead_letter(service, &record));
            }
        })?;
    }
    Ok(contents)
}

impl TopicContents {
    fn add(&mut self, record: &KafkaRecord, position: RecordPosition) {
        if let Some(number) = record.header(POISON) {
            let poison = PoisonRecord { number: number.to_owned(), position, content: ContentHash::of(record) };
            self.poison.push(poison);
            return;
        }
        let header = |name: &str| {
            let (_, value) = record.headers.iter().find(|(known, _)| known == name)?;
            value.as_deref()
        };
        match decode(&record.topic, header, record.value.as_deref().unwrap_or_default()) {
            Ok(Decoded::Known(received)) => self.facts.push(fact(&received, record, position)),
            Ok(Decoded::Unknown { ce_type }) => self.broken.push(format!("{position:?}: unknown type {ce_type}")),
            Err(error) => self.broken.push(format!("{position:?}: {error}")),
        }
    }
}

fn fact(received: &Received, record: &KafkaRecord, position: RecordPosition) -> PublishedEvent {
    let Received { meta, event } = received;
    PublishedEvent {
        position,
        order_id: event.order_id(),
        event: meta.event_type.name,
        id: meta.id,
        time: meta.time,
        causation_id: meta.causation_id,
        correlation_id: meta.correlation_id,
        hops: meta.hops,
        sequence: meta.sequence,
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

/// Returns the trace id, the second part of <https://www.w3.org/TR/trace-context/#traceparent-header>.
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
