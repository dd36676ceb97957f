//! The Kafka record of a public event.

use bytes::Bytes;
use cloudevent::{EventType, Meta, Subject};
use decider::StreamId;
use store::{RecordData, StoredEvent};
use telemetry::{BAGGAGE, Trace};
use uuid::Uuid;

/// The record of a public event, in the version in which it is stored. `wave` is that in which it is published again.
pub(crate) fn record(
    stream: &StreamId,
    event: StoredEvent,
    wave: Option<Uuid>,
    event_type: &'static EventType,
    schema_base_url: &str,
) -> RecordData {
    let StoredEvent { id, schema, data, time, correlation_id, causation_id, publication, .. } = event;
    let publication = publication.expect("only public events are published");
    let meta = Meta {
        id,
        event_type,
        subject: Subject::new(stream.id()),
        time,
        correlation_id,
        causation_id,
        hops: publication.hops,
        sequence: Some(publication.sequence),
        replay: wave,
    };
    let header = |(name, value): (&str, String)| (name.to_owned(), Bytes::from(value));
    let baggage = (BAGGAGE, format!("correlation_id={correlation_id}"));
    let headers = cloudevent::headers(&meta, &schema, schema_base_url).into_iter();
    let trace = Trace::from_text(&publication.trace);
    let headers = headers.chain(trace.headers()).chain([baggage]);
    RecordData {
        topic: event_type.topic.to_owned(),
        key: Some(Bytes::copy_from_slice(stream.id().as_bytes())),
        headers: headers.map(header).collect(),
        payload: data.into(),
    }
}
