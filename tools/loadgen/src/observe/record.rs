//! Attributes of an event, from the headers and the key of its record.

use contracts::{EventType, OrderId, event_type_of};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

/// Text of a header.
pub(crate) fn header<'a>(message: &'a BorrowedMessage<'_>, name: &str) -> Option<&'a str> {
    let headers = message.headers()?;
    // By index: an iterator's headers do not live as long as the message.
    let header = (0..headers.count()).map(|index| headers.get(index)).find(|header| header.key == name)?;
    std::str::from_utf8(header.value?).ok()
}

/// Type of the event.
pub(crate) fn event_type(message: &BorrowedMessage<'_>) -> Option<&'static EventType> {
    event_type_of(header(message, "ce_type")?)
}

/// Order that the event is about.
pub(crate) fn order_id(message: &BorrowedMessage<'_>) -> Option<OrderId> {
    std::str::from_utf8(message.key()?).ok()?.parse().ok()
}
