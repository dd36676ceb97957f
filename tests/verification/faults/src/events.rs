//! Names of events, from the headers of their records, and public events.

use bytes::Bytes;
use store::StoredEvent;

/// The value of a header.
pub(crate) fn header<'h>(headers: &'h [(String, Bytes)], name: &str) -> Option<&'h [u8]> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..])
}

/// The event's name in a `ce_type`: the part behind the reverse domain name.
pub(crate) fn event_name(ce_type: &[u8]) -> Option<String> {
    std::str::from_utf8(ce_type).ok()?.rsplit('.').next().map(str::to_owned)
}

/// The event's name in the headers of a record.
pub(crate) fn event_of(headers: &[(String, Bytes)]) -> Option<String> {
    event_name(header(headers, "ce_type")?)
}

/// The events that are published.
pub(crate) fn public_events(events: &[StoredEvent]) -> impl Iterator<Item = &StoredEvent> {
    events.iter().filter(|event| event.publication.is_some())
}
