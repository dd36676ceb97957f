//! Events published before their transaction commits.

use bytes::Bytes;
use cloudevent::{EventType, Meta, Subject};
use messaging::{Outgoing, Producer};
use store::{StoredEvent, StreamWrite};
use tokio::runtime::Builder;

/// Prefix of `/schemas/...` in events. Readers ignore it.
const SCHEMA_BASE_URL: &str = "http://127.0.0.1:8080";

/// Publishes the public events and waits for the broker.
pub(crate) fn publish(producer: &Producer, owned: &'static [EventType], writes: &[StreamWrite]) {
    let send = || async {
        for StreamWrite { stream, events, .. } in writes {
            for event in events.iter().filter(|event| event.publication.is_some()) {
                let (topic, headers) = record(owned, stream.id(), event);
                let (key, payload) = (Some(stream.id().as_bytes()), event.data.as_bytes());
                let sent = producer.send(Outgoing { topic, partition: None, key, headers: &headers, payload });
                sent.expect("the queue has room").acknowledged().await.expect("the broker is available");
            }
        }
    };
    let run = || Builder::new_current_thread().build().expect("a runtime").block_on(send());
    // A separate thread, because a thread of one runtime can neither block on another nor drop it.
    std::thread::scope(|scope| scope.spawn(run).join()).expect("the events are sent");
}

/// The topic of an event, and the headers without those of its trace.
fn record(owned: &'static [EventType], subject: &str, event: &StoredEvent) -> (&'static str, Vec<(String, Bytes)>) {
    let event_type = owned.iter().find(|known| known.name == event.name).expect("a service owns its public events");
    let publication = event.publication.as_ref().expect("the event is public");
    let meta = Meta {
        id: event.id,
        event_type,
        subject: Subject::new(subject),
        time: event.time,
        correlation_id: event.correlation_id,
        causation_id: event.causation_id,
        hops: publication.hops,
        sequence: Some(publication.sequence),
        replay: None,
    };
    let headers = cloudevent::headers(&meta, &event.schema, SCHEMA_BASE_URL).into_iter();
    (event_type.topic, headers.map(|(name, value)| (name.to_owned(), Bytes::from(value))).collect())
}
