//! The bugs that a process can have.

use strum::EnumString;

/// A bug. The names are values of `PLANTED_BUG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Bug {
    /// Processes duplicates of messages.
    NoInbox,
    /// Commits offsets before the effects of the records.
    OffsetsBeforeCommit,
    /// Publishes events before their transaction commits.
    PublishBeforeCommit,
    /// Counts events as published before the broker has them.
    MarkBeforeAck,
    /// Resends events under another id.
    NewIdOnResend,
    /// Does not resend an event after a failed delivery.
    SkipUnsent,
    /// Retries a malformed record forever, which blocks later records.
    RetryPoisonForever,
    /// Publishes events without a trace.
    LoseTrace,
    /// Publishes events under their own id instead of their subject as key.
    WrongKey,
}
