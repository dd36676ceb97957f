//! The points at which a process can crash.

use strum::EnumString;

/// A crash point. The names are those in `CRASH_FILE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Point {
    /// A transaction begins.
    BeforeLoad,
    /// The streams of its inputs are loaded.
    AfterLoad,
    /// Everything is written.
    BeforeCommit,
    /// Everything is committed, but the runtime has not processed the result yet.
    AfterCommit,
    /// An event is about to be sent.
    BeforePublish,
    /// The broker acknowledged it, but the runtime does not count it as published yet.
    AfterPublish,
    /// The cursor of the outbox is about to be stored at the event or behind it.
    BeforeCursor,
    /// The cursor is stored.
    AfterCursor,
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
    /// The point that an event must pass first. For stored cursors and offsets the event alone does not suffice: they may
    /// belong to an earlier order with the same event.
    pub(crate) fn predecessor(self) -> Option<Self> {
        match self {
            Self::BeforeCursor | Self::AfterCursor => Some(Self::AfterPublish),
            Self::BeforeOffsets | Self::AfterOffsets => Some(Self::AfterCommit),
            _ => None,
        }
    }

    /// Returns whether the point concerns the offsets of a batch.
    pub(crate) fn is_of_offsets(self) -> bool {
        matches!(self, Self::BeforeOffsets | Self::AfterOffsets)
    }
}
