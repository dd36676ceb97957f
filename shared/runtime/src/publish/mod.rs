//! Publishes the outbox.

mod backlog;
mod linger;
mod outgoing;
mod publisher;
mod relay;
mod throttle;

pub use publisher::Publisher;

pub(crate) use backlog::Backlog;
pub(crate) use linger::Linger;
pub(crate) use outgoing::{OutgoingEvent, Published};
pub(crate) use relay::Relay;
pub(crate) use throttle::Throttle;
