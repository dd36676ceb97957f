//! Temporary rejection of all records of a topic, as by a broker that is full or has too few replicas.

use std::time::Duration;

use anyhow::Result;
use xtask::wait_until;

use crate::system::SystemUnderTest;

/// Limit in bytes. Every event is larger.
const MAX_RECORD_SIZE: (&str, &str) = ("max.message.bytes", "32");

/// Maximum time until the broker applies the limit.
const APPLY_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes the broker reject all records for a topic until it is dropped.
pub struct Refusal<'s> {
    system: &'s SystemUnderTest,
    topic: &'static str,
}

impl<'s> Refusal<'s> {
    /// Sets the limit and waits until the broker rejects records. The topic must contain a record: it is resent until it
    /// is rejected, because the broker acknowledges the setting before it applies it.
    ///
    /// # Errors
    /// The broker continues to accept records.
    pub fn begin(system: &'s SystemUnderTest, topic: &'static str) -> Result<Self> {
        let (record, place) = system.topics().read(&[topic]).wait_for("a record", |seen| seen.last().cloned());
        system.topics().set_properties(topic, &[MAX_RECORD_SIZE]);
        let refusal = Self { system, topic };
        wait_until(&format!("the broker to reject records for {topic}"), APPLY_TIMEOUT, || {
            match system.topics().try_publish(&record, Some(place.partition)) {
                Ok(_) => Err("a record was accepted"),
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
