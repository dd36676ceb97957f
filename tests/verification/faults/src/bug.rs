//! The bugs that a process can have.

use strum::EnumString;

/// A bug. The names are values of `PLANTED_BUG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Bug {
    /// Processes messages again that were processed before.
    NoInbox,
    /// Commits offsets before the effects of the records.
    OffsetsBeforeCommit,
    /// Publishes events before their transaction commits.
    PublishBeforeCommit,
    /// Counts events as published before the broker has them.
    MarkBeforeAck,
    /// Publishes events that are sent again under another id.
    NewIdOnResend,
    /// Does not send an event again after its delivery failed.
    SkipUnsent,
    /// Retries a malformed record forever, and later records wait behind it.
    RetryPoisonForever,
    /// Publishes events without a trace.
    LoseTrace,
    /// Publishes events under their own id instead of their subject as key.
    WrongKey,
}
