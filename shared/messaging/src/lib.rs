//! Kafka, as the shell needs it: topics that exist, records in, records out. Nothing here knows what an order is.
//!
//! - [`KafkaConfig`]: where the broker is and how the clients are set.
//! - [`ensure_topics`]: makes the topics that are missing.
//! - [`records_gone_after`]: how long records stay in them.
//! - [`consume`]: batches of records, formed by what has arrived.
//! - [`Producer`]: records out, acknowledged by the broker.
//! - [`dead_letters`]: what records that could not be handled look like.
//! - [`read_to_end`], [`lag`]: topics as a tool sees them.

mod client;
mod config;
mod consumer;
pub mod dead_letters;
mod logging;
mod owned_record;
mod producer;
mod reader;
mod record;
mod retention;
mod topics;

pub use config::KafkaConfig;
pub use consumer::{Consumer, consume};
pub use owned_record::OwnedRecord;
pub use producer::{Delivery, DeliveryError, Outgoing, Producer, SendError};
pub use rdkafka::error::KafkaError;
pub use reader::{Lag, lag, read_to_end};
pub use record::{Batch, Offsets, Parts, Record};
pub use retention::records_gone_after;
pub use topics::ensure_topics;
