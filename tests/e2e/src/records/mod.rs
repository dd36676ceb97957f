//! Kafka records as bytes, without knowledge of events.

mod assignment;
mod client;
mod reader;
mod record;
mod topics;

pub use reader::TopicReader;
pub use record::{KafkaRecord, RecordPosition};
pub use topics::TestTopics;
