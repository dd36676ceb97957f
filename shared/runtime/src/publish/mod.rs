//! Publishes public events and dead letters.

mod backlog;
mod linger;
mod outgoing;
mod publisher;
mod record;
mod relay;
mod replayer;
mod throttle;

pub use publisher::Publisher;

pub(crate) use backlog::Backlog;
pub(crate) use linger::Linger;
pub(crate) use outgoing::{OutgoingEvent, Published};
#[cfg(test)]
pub(crate) use record::record;
pub(crate) use relay::Relay;
pub(crate) use replayer::{ReplayedEvent, Replayer};
pub(crate) use throttle::Throttle;
