//! The points at which a process can crash.

use strum::EnumString;

/// A crash point. The names are those in `CRASH_FILE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Point {
    /// A transaction begins; its messages are not in the inbox yet.
    BeforeInbox,
    /// Its messages are in the inbox.
    AfterInbox,
    /// Everything is written.
    BeforeCommit,
    /// Everything is committed, but the runtime has not processed the result yet.
    AfterCommit,
    /// An event is about to be sent.
    BeforePublish,
    /// The broker acknowledged it, but the runtime does not count it as published yet.
    AfterPublish,
    /// Its outbox row is about to be deleted, because it is published.
    BeforeMarkPublished,
    /// Its row is deleted.
    AfterMarkPublished,
    /// The effects of a record are committed, and its offset is about to be stored.
    BeforeOffsets,
    /// Its offset is stored.
    AfterOffsets,
    /// A provider is about to be called.
    BeforeCall,
    /// The provider responded.
    AfterCall,
}

impl Point {
    /// The point that an event must pass first. For deleted rows and stored offsets the event alone does not suffice:
    /// they may belong to an earlier order with the same event.
    pub(crate) fn predecessor(self) -> Option<Self> {
        match self {
            Self::BeforeMarkPublished | Self::AfterMarkPublished => Some(Self::AfterPublish),
            Self::BeforeOffsets | Self::AfterOffsets => Some(Self::AfterCommit),
            _ => None,
        }
    }
}
