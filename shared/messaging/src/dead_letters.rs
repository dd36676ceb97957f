//! What dead letters, and what an operator does about them, look like as records. None of it is about orders.
//!
//! A dead letter is the record as it was, with the headers below added. What was done about it is told by a record of the
//! same topic, partition and key that *resolves* it, so the topic itself has the whole story.

/// What was wrong.
pub const ERROR: &str = "dlq_error";
/// What kind of failure it was, in one word.
pub const CLASS: &str = "dlq_class";
/// How often it was tried.
pub const ATTEMPTS: &str = "dlq_attempts";
/// The topic that it came from.
pub const TOPIC: &str = "dlq_topic";
/// The partition that it came from.
pub const PARTITION: &str = "dlq_partition";
/// Its place there.
pub const OFFSET: &str = "dlq_offset";
/// When it became a dead letter, or was resolved: RFC 3339.
pub const TIME: &str = "dlq_time";
/// The dead letter that this record resolves, as `<service>/<partition>/<offset>` of its topic.
pub const RESOLVES: &str = "dlq_resolves";
/// How it was resolved, in one word.
pub const RESOLUTION: &str = "dlq_resolution";
/// What the operator said about that.
pub const NOTE: &str = "dlq_note";
/// How the names of all these headers begin.
pub const PREFIX: &str = "dlq_";

/// The topic that a redriven record came from at first.
pub const REDRIVE_TOPIC: &str = "redrive_topic";
/// The dead letter that a redriven record was.
pub const REDRIVE_OF: &str = "redrive_of";

/// How the names of topics for dead letters end.
pub(crate) const TOPIC_SUFFIX: &str = ".dlq";
/// How the names of topics for redriven records end.
pub(crate) const REDRIVE_SUFFIX: &str = ".redrive";

/// Where a service's dead letters go.
pub fn dead_letter_topic(service: &str) -> String {
    format!("{service}{TOPIC_SUFFIX}")
}

/// Where an operator sends a service's dead letters that are to be tried once more.
pub fn redrive_topic(service: &str) -> String {
    format!("{service}{REDRIVE_SUFFIX}")
}
