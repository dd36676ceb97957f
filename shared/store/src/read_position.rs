//! Positions of a reader in the topics that it reads.

/// Position of a reader in a partition. A reader has no consumer group that would keep it. It is committed together with the
/// effects of the records before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPosition {
    /// The broker's name of the topic.
    pub topic: String,
    pub partition: i32,
    /// Offset of the next record to read.
    pub next: i64,
}
