//! The settings by which events and rejected records leave the service.

use telemetry::Spans;

use crate::input::RetryPolicy;

#[derive(Clone)]
pub(crate) struct PublishContext {
    pub(crate) spans: Spans,
    pub(crate) retries: RetryPolicy,
    /// `None` for a reader, which owns no topic and skips such records.
    pub(crate) dead_letter_topic: Option<String>,
}
