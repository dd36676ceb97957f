//! Publishes public events and dead letters.

mod backlog;
mod blocked_keys;
mod dead_letters;
mod departure;
mod outgoing;
mod publisher;
mod record;
mod refusal_log;
mod relay;
mod replayer;
mod throttle;
mod unsent;

pub use publisher::Publisher;

pub(crate) use backlog::Backlog;
pub(crate) use blocked_keys::BlockedKeys;
pub(crate) use outgoing::{OutgoingEvent, Published};
#[cfg(test)]
pub(crate) use record::record;
pub(crate) use refusal_log::{RefusalLog, event_name};
pub(crate) use relay::Relay;
pub(crate) use replayer::{ReplayedEvent, Replayer};
pub(crate) use throttle::Throttle;
