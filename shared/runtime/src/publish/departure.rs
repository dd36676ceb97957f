//! Records on their way to the broker.

use messaging::{Acknowledged, DeliveryError};
use store::RecordData;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A record of an event, with everything needed to send it again.
pub(crate) struct Departure {
    /// `None` for an event that is published again.
    pub(super) position: Option<i64>,
    /// Id of the event.
    pub(super) id: Uuid,
    /// Name of the event type.
    pub(super) event: &'static str,
    pub(super) record: RecordData,
    /// Completed once an event that is published again is sent or kept.
    pub(super) acknowledged: Option<oneshot::Sender<()>>,
}

/// A record that has left the relay, with its outcome.
pub(crate) struct Sent {
    pub(super) departure: Departure,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Acknowledged(Acknowledged),
    /// The record was not sent, because it waits behind an unsent one.
    Kept,
    Failed(DeliveryError),
}
