#![doc = include_str!("../README.md")]

mod case;
mod reactions;
mod storage;

pub use case::Case;
pub use reactions::check_reactions;
pub use storage::{assert_reads_back, assert_stored_as, stored};

use cloudevent::{CorrelationId, EventData, EventId, Meta};
use jiff::Timestamp;
use uuid::Uuid;

/// Id of every event that arrives in a test.
pub const EVENT: EventId = EventId(Uuid::from_u128(0xaa));
/// Id of the event that caused it.
pub const CAUSE: EventId = EventId(Uuid::from_u128(0xcc));
/// Time of everything in a test: 2026-11-23T10:00:00Z.
pub const NOW: Timestamp = Timestamp::constant(1_795_428_000, 0);

/// Metadata of an event as it arrives in a test.
pub fn meta<E: EventData>(event: &E) -> Meta {
    Meta {
        id: EVENT,
        event_type: E::TYPE,
        subject: event.subject(),
        time: NOW,
        correlation_id: CorrelationId(Uuid::from_u128(0xbb)),
        causation_id: Some(CAUSE),
        hops: 1,
        sequence: Some(1),
        replay: None,
    }
}
