//! The record format of dead letters and of their resolutions.
//!
//! A dead letter is the original record with the headers below added. A later record in the same topic, partition and key
//! *resolves* it, so the topic contains its complete history.

/// The error text.
pub const ERROR: &str = "dlq_error";
/// The class of failure, in one word.
pub const CLASS: &str = "dlq_class";
/// Number of attempts.
pub const ATTEMPTS: &str = "dlq_attempts";
/// The original topic.
pub const TOPIC: &str = "dlq_topic";
/// The original partition.
pub const PARTITION: &str = "dlq_partition";
/// The original offset.
pub const OFFSET: &str = "dlq_offset";
/// Time of dead-lettering or of resolution, as RFC 3339.
pub const TIME: &str = "dlq_time";
/// The resolved dead letter, as `<service>/<partition>/<offset>` of its topic.
pub const RESOLVES: &str = "dlq_resolves";
/// The kind of resolution, in one word.
pub const RESOLUTION: &str = "dlq_resolution";
/// The operator's note.
pub const NOTE: &str = "dlq_note";
/// Prefix of all header names above.
pub const PREFIX: &str = "dlq_";

/// The original topic of a redriven record.
pub const REDRIVE_TOPIC: &str = "redrive_topic";
/// The dead letter that a redriven record was made from.
pub const REDRIVE_OF: &str = "redrive_of";

/// Suffix of dead-letter topics.
pub(crate) const TOPIC_SUFFIX: &str = ".dlq";
/// Suffix of redrive topics.
pub(crate) const REDRIVE_SUFFIX: &str = ".redrive";

/// The topic for the dead letters of a service.
pub fn dead_letter_topic(service: &str) -> String {
    format!("{service}{TOPIC_SUFFIX}")
}

/// The topic for dead letters that an operator sends back to a service.
pub fn redrive_topic(service: &str) -> String {
    format!("{service}{REDRIVE_SUFFIX}")
}
