//! Turns records into inputs.

mod consumer;
mod ingest;
mod parked_retry;

pub use consumer::RecordConsumer;

pub(crate) use consumer::ConsumerSlot;
pub(crate) use ingest::Ingest;
pub(crate) use parked_retry::run as retry_parked;
