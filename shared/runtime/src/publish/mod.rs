//! Publishing of committed outbox rows.

mod backlog;
mod linger;
mod relay;
mod throttle;

pub(crate) use backlog::Backlog;
pub(crate) use linger::Linger;
pub(crate) use relay::{Outgoing, Published, Relay};
pub(crate) use throttle::Throttle;
