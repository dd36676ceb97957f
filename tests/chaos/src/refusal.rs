//! A broker that takes no records for a topic for a while, as one does that is full or has too few replicas.

use crate::stage::Stage;

/// The largest record, in bytes. No event is so small.
const LARGEST: (&str, &str) = ("max.message.bytes", "32");

/// Records for a topic are refused while this is there.
pub struct Refusal<'s> {
    stage: &'s Stage,
    topic: &'static str,
}

impl<'s> Refusal<'s> {
    /// From now on the broker takes none.
    pub fn begin(stage: &'s Stage, topic: &'static str) -> Self {
        stage.topics().set(topic, &[LARGEST]);
        Self { stage, topic }
    }
}

impl Drop for Refusal<'_> {
    fn drop(&mut self) {
        self.stage.topics().set(self.topic, &[]);
    }
}
