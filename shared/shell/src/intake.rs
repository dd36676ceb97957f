//! Records become inputs.

use std::sync::Arc;

use bytes::Bytes;
use contracts::{Contract, ContractError, Decoded, Meta, Received};
use decider::Service;
use jiff::Timestamp;
use messaging::Record;
use store::NewOutboxRow;
use telemetry::{About, KeyValue, Metrics, Span, Spans, TRACEPARENT, TRACESTATE, Trace};
use tracing::{debug, warn};
use uuid::Uuid;

use crate::input::{Cause, CommandInput, Input};

/// Dead letters are recognized, when their record is read again, by an id in this namespace.
const DEAD_LETTERS: Uuid = Uuid::from_u128(0x1b8e_4a4c_9a3e_4a06_8f6c_55c1_2f0d_93b7);

/// Makes records into inputs.
pub(crate) struct Intake {
    /// Where what breaks its contract goes.
    pub(crate) dead_letter_topic: String,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) spans: Spans,
}

/// What spans say of an event.
pub(crate) fn about(meta: &Meta) -> About<'_> {
    let (message_id, order_id, correlation_id) = (&meta.id, &meta.order_id, &meta.correlation_id);
    About { event: meta.event_type.name, message_id, order_id, correlation_id }
}

impl Intake {
    /// The input that the record leads to; `None` when the service has nothing to do about it.
    pub(crate) fn read<S: Service>(&self, record: &Record<'_>) -> Option<Input<S>> {
        match contracts::decode(record.topic(), |name| record.header(name), record.payload()) {
            Ok(Decoded::Known(received)) => self.command(record, &received),
            Ok(Decoded::Unknown { ce_type }) => {
                debug!(ce_type, topic = record.topic(), "ignored: a type that this build does not know");
                None
            }
            Err(error) => Some(self.dead_letter(record, &error)),
        }
    }

    fn command<S: Service>(&self, record: &Record<'_>, received: &Received) -> Option<Input<S>> {
        let command = S::react(received)?;
        let meta = &received.meta;
        self.metrics.consumed.add(1, &[KeyValue::new("event", meta.event_type.name)]);
        let span = self.span::<S>(record, meta);
        let cause = Cause {
            correlation_id: Some(meta.correlation_id),
            event_id: Some(meta.id),
            hops: meta.hops.saturating_add(1),
            trace: span.trace().clone(),
        };
        Some(Input::Command(CommandInput {
            message: Some(meta.id.0),
            command,
            cause,
            answers: None,
            reply: None,
            span: Some(span),
        }))
    }

    fn span<S: Service>(&self, record: &Record<'_>, meta: &Meta) -> Span {
        let text = |name| record.header(name).and_then(|value| std::str::from_utf8(value).ok());
        let parent = Trace::from_headers(text(TRACEPARENT), text(TRACESTATE));
        let group = S::Public::OWNER.name();
        self.spans.process(about(meta), record.topic(), record.partition(), record.offset(), group, &parent)
    }

    /// The record as it was, with what was wrong and where it was found.
    fn dead_letter<S: Service>(&self, record: &Record<'_>, error: &ContractError) -> Input<S> {
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        warn!(%error, topic, partition, offset, "dead letter");
        self.metrics.dead_letters.add(1, &[KeyValue::new("topic", topic.to_owned())]);

        let original = record.headers().map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value)));
        let found = [
            ("dlq_error", error.to_string()),
            ("dlq_class", "contract".to_owned()),
            ("dlq_attempts", "1".to_owned()),
            ("dlq_topic", topic.to_owned()),
            ("dlq_partition", partition.to_string()),
            ("dlq_offset", offset.to_string()),
            ("dlq_time", Timestamp::now().to_string()),
        ];
        let found = found.into_iter().map(|(name, value)| (name.to_owned(), Bytes::from(value)));
        let place = format!("{topic}/{partition}/{offset}/{}", record.timestamp_ms().unwrap_or_default());
        Input::DeadLetter {
            message: Uuid::new_v5(&DEAD_LETTERS, place.as_bytes()),
            record: NewOutboxRow {
                topic: self.dead_letter_topic.clone(),
                key: record.key().map(Bytes::copy_from_slice),
                headers: original.chain(found).collect(),
                payload: Bytes::copy_from_slice(record.payload()),
            },
        }
    }
}
