//! Readers of the events that the services publish.

pub(crate) mod finals;
pub(crate) mod follower;
pub(crate) mod hops;
mod record;
