//! The bugs that a process can have.

use strum::EnumString;

/// A bug. The names are values of `PLANTED_BUG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Bug {
    /// Forgets the messages that a stream has processed.
    NoInbox,
    /// Remembers a message although its record was parked.
    RememberParked,
    /// Remembers the message that a record claims to be although the record breaks its contract.
    RememberForged,
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
    /// Stores the sequence number of a stream's last event without the events of the same transaction. After a restart their
    /// numbers are used again.
    SequenceReused,
    /// Reads the log up to a position before all events up to there are visible.
    TailOutOfOrder,
    /// Forgets a record that the broker refuses, instead of keeping it until the broker accepts it.
    ForgetUnsent,
    /// Lets a stream join a wave again although it has joined it.
    EndlessWave,
    /// Publishes events under their own id instead of their subject as key.
    WrongKey,
}

impl Bug {
    /// Returns whether the bug leaves events unpublished.
    pub(crate) fn loses_events(self) -> bool {
        matches!(self, Self::MarkBeforeAck | Self::SkipUnsent | Self::TailOutOfOrder | Self::ForgetUnsent)
    }
}
