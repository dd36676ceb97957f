//! A broker that takes no records for a topic for a while, as one does that is full or has too few replicas.

use std::time::Duration;

use anyhow::Result;
use xtask::wait_until;

use crate::system::SystemUnderTest;

/// The largest record, in bytes. No event is so small.
const LARGEST: (&str, &str) = ("max.message.bytes", "32");

/// How long the broker may take until it minds its limit.
const MINDING: Duration = Duration::from_secs(20);

/// Records for a topic are refused while this is there.
pub struct Refusal<'s> {
    system: &'s SystemUnderTest,
    topic: &'static str,
}

impl<'s> Refusal<'s> {
    /// From now on the broker takes none. There must be a record in the topic: it is sent again until it is refused, for the broker
    /// says that its limit is changed before it minds it.
    ///
    /// # Errors
    /// The broker goes on taking them.
    pub fn begin(system: &'s SystemUnderTest, topic: &'static str) -> Result<Self> {
        let (record, place) = system.topics().read(&[topic]).wait_for("a record", |seen| seen.last().cloned());
        system.topics().set_properties(topic, &[LARGEST]);
        let refusal = Self { system, topic };
        wait_until(&format!("records for {topic} to be refused"), MINDING, || {
            match system.topics().try_publish(&record, Some(place.partition)) {
                Ok(_) => Err("one was taken"),
                Err(_) => Ok(()),
            }
        })?;
        Ok(refusal)
    }
}

impl Drop for Refusal<'_> {
    fn drop(&mut self) {
        self.system.topics().set_properties(self.topic, &[]);
    }
}
