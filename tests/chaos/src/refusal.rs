//! A broker that takes no records for a topic for a while, as one does that is full or has too few replicas.

use anyhow::Result;

use crate::stage::Stage;

/// The largest record, in bytes. No event is so small.
const LARGEST: (&str, &str) = ("max.message.bytes", "32");
/// The broker's own limit.
const LARGEST_USUALLY: (&str, &str) = ("max.message.bytes", "1048588");

/// Records for a topic are refused until this is ended.
pub struct Refusal<'s> {
    stage: &'s Stage,
    topic: &'static str,
}

impl<'s> Refusal<'s> {
    /// From now on the broker takes none.
    ///
    /// # Errors
    /// The broker does not do it.
    pub fn begin(stage: &'s Stage, topic: &'static str) -> Result<Self> {
        stage.topics().configure(topic, LARGEST)?;
        Ok(Self { stage, topic })
    }

    /// It takes them again.
    ///
    /// # Errors
    /// The broker does not do it.
    pub fn end(self) -> Result<()> {
        self.stage.topics().configure(self.topic, LARGEST_USUALLY)
    }
}
