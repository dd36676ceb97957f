//! Events of a stream, decoded from the log.

use cloudevent::{CorrelationId, EventId};
use decider::{LogEvent, Service};
use jiff::Timestamp;
use store::StoredEvent;

use crate::http::error::AppError;

/// An event of a stream.
pub struct TimelineRow<S: Service> {
    pub id: EventId,
    /// Name of the event type.
    pub name: String,
    pub time: Timestamp,
    /// The contract event that caused it, if one did.
    pub causation_id: Option<EventId>,
    /// Shared by all events that the same request caused.
    pub correlation_id: CorrelationId,
    pub event: LogEvent<S::Public, S::Internal>,
}

impl<S: Service> TryFrom<StoredEvent> for TimelineRow<S> {
    type Error = AppError;

    fn try_from(stored: StoredEvent) -> Result<Self, AppError> {
        let event = LogEvent::decode(&stored.name, &stored.schema, &stored.data)?;
        let StoredEvent { id, name, time, causation_id, correlation_id, .. } = stored;
        let name = name.into_owned();
        Ok(Self { id, name, time, causation_id, correlation_id, event })
    }
}
