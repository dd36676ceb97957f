//! Reads the dead letter topics.

use anyhow::{Context as _, Result};
use catalog::ServiceName;
use messaging::{dead_letters::dead_letter_topic, read_to_end};

use super::fold::{DeadLetterFold, DeadLetterRecord, DeadLetters};
use crate::settings::Settings;

/// Reads all dead letters of these services with their resolutions.
pub(crate) fn read(settings: &Settings, services: &[ServiceName]) -> Result<DeadLetters> {
    let kafka = settings.kafka();
    let topics: Vec<_> = services.iter().map(|service| (dead_letter_topic(service.name()), *service)).collect();
    let names: Vec<_> = topics.iter().map(|(topic, _)| topic.as_str()).collect();
    let mut fold = DeadLetterFold::default();
    let read = read_to_end(kafka, &names, |record| {
        if let Some((_, service)) = topics.iter().find(|(topic, _)| topic == record.topic()) {
            fold.add(DeadLetterRecord::of(*service, record));
        }
    });
    read.with_context(|| format!("failed to read dead letters from Kafka {}", kafka.bootstrap_servers))?;
    Ok(fold.finish())
}
