//! How long records stay in their topics.

use std::{collections::HashMap, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, ConfigEntry, ResourceSpecifier},
    error::KafkaError,
};

use crate::{KafkaConfig, logging::RateLimitedContext};

/// How long the broker may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The age at which a record can't be read from any of these topics any more; `None`: some are kept for ever.
///
/// A record goes with its segment, and a segment goes when its *last* record is older than the retention: so a record
/// may live longer, by the time that a segment is written to.
///
/// # Errors
/// The broker can't be reached, does not know a topic, or does not tell.
pub async fn records_gone_after(config: &KafkaConfig, topics: &[&str]) -> Result<Option<Duration>, KafkaError> {
    let admin: AdminClient<RateLimitedContext> = config.client().create_with_context(RateLimitedContext::default())?;
    let names: Vec<_> = topics.iter().map(|topic| config.topic(topic)).collect();
    let wanted: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
    let mut longest = Duration::ZERO;
    for described in admin.describe_configs(&wanted, &options).await? {
        let topic = described.map_err(KafkaError::AdminOp)?;
        match gone_after(&topic.entry_map()) {
            Some(age) => longest = longest.max(age),
            None => return Ok(None),
        }
    }
    Ok(Some(longest))
}

fn gone_after(topic: &HashMap<&str, &ConfigEntry>) -> Option<Duration> {
    let value = |name| topic.get(name).and_then(|entry| entry.value.as_deref());
    // Compaction keeps the last record of each key.
    let is_deleted = value("cleanup.policy").is_some_and(|policy| policy == "delete");
    // Unlimited is -1, which is no count of milliseconds.
    let milliseconds = |name| value(name).and_then(|value| value.parse().ok()).map(Duration::from_millis);
    let age = milliseconds("retention.ms")?.saturating_add(milliseconds("segment.ms")?);
    is_deleted.then_some(age)
}

#[cfg(test)]
mod tests {
    use rdkafka::admin::ConfigSource;

    use super::*;

    fn gone(settings: &[(&str, &str)]) -> Option<Duration> {
        let entry = |(name, value): &(&str, &str)| ConfigEntry {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
            source: ConfigSource::DynamicTopic,
            is_read_only: false,
            is_default: false,
            is_sensitive: false,
        };
        let entries: Vec<_> = settings.iter().map(entry).collect();
        gone_after(&entries.iter().map(|entry| (entry.name.as_str(), entry)).collect())
    }

    #[test]
    fn a_record_lives_as_long_as_its_segment() {
        let topic = [("cleanup.policy", "delete"), ("retention.ms", "2000"), ("segment.ms", "500")];
        assert_eq!(gone(&topic), Some(Duration::from_millis(2500)));
    }

    #[test]
    fn what_is_kept_for_ever_is_never_gone() {
        assert_eq!(gone(&[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("segment.ms", "500")]), None);
        assert_eq!(gone(&[("cleanup.policy", "compact"), ("retention.ms", "2000"), ("segment.ms", "500")]), None);
        assert_eq!(gone(&[("cleanup.policy", "compact,delete"), ("retention.ms", "2"), ("segment.ms", "5")]), None);
        assert_eq!(gone(&[]), None, "nor is what the broker does not tell of");
    }
}
