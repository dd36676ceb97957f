#![doc = include_str!("../README.md")]

mod client;
mod config;
mod consumer;
pub mod dead_letters;
mod logging;
mod producer;
mod reader;
mod record;
mod topics;

pub use config::KafkaConfig;
pub use consumer::{Consumer, consume, consume_all};

pub use producer::{Acknowledged, Delivery, DeliveryError, Outgoing, Producer, SendError};
pub use rdkafka::error::KafkaError;
pub use reader::{Lag, lag, read_to_end};
pub use record::{Batch, Offsets, OwnedRecord, Parts, Record};
pub use topics::{TopicsState, ensure_topics, inspect_topics};
