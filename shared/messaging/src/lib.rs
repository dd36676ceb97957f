//! Kafka, as the shell needs it: topics that exist, records in, records out. Nothing here knows what an order is.
//!
//! - [`KafkaConfig`]: where the broker is and how the clients are set.
//! - [`ensure_topics`]: makes the topics that are missing.
//! - [`consume`]: batches of records, formed by what has arrived.
//! - [`Producer`]: records out, acknowledged by the broker.

mod config;
mod consumer;
mod producer;
mod topics;

pub use config::KafkaConfig;
pub use consumer::{Batch, Consumer, Offsets, Record, consume};
pub use producer::{Delivery, Outgoing, Producer, SendError};
pub use rdkafka::error::KafkaError;
pub use topics::ensure_topics;
