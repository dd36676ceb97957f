//! Records from Kafka become inputs.

mod ingest;
mod parked_retry;

pub(crate) use ingest::{Ingest, about};
pub(crate) use parked_retry::run as retry_parked;
