//! Records that wait: for a retry, or for the broker.

pub(crate) mod parked;
pub(crate) mod unsent;
