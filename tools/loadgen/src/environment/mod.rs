//! Environment of a measurement: services, databases, topics and the receiver of telemetry.

pub(crate) mod databases;
pub(crate) mod disk;
pub(crate) mod setup;
pub(crate) mod span_sink;
pub(crate) mod topics;
