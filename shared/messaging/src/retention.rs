//! Retention of topics.

use std::{collections::HashMap, time::Duration};

use rdkafka::{
    admin::{AdminClient, AdminOptions, ConfigEntry, ResourceSpecifier},
    error::KafkaError,
};

use crate::{KafkaConfig, logging::RateLimitedContext};

/// Maximum time for a response of the broker.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the age at which a record is gone from all these topics, or `None` if one of them keeps records forever.
///
/// Kafka deletes whole segments, and a segment only when its *last* record is older than the retention. So a record may
/// live longer than the retention, by the time during which its segment is written.
///
/// # Errors
/// The broker is unreachable, does not know a topic, or does not describe it.
pub async fn records_gone_after(config: &KafkaConfig, topics: &[&str]) -> Result<Option<Duration>, KafkaError> {
    let admin: AdminClient<RateLimitedContext> = config.client().create_with_context(RateLimitedContext::default())?;
    let names: Vec<_> = topics.iter().map(|topic| config.topic(topic)).collect();
    let wanted: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
    let mut longest = Duration::ZERO;
    for described in admin.describe_configs(&wanted, &options).await? {
        let topic = described.map_err(KafkaError::AdminOp)?;
        match lifetime(&topic.entry_map()) {
            Some(age) => longest = longest.max(age),
            None => return Ok(None),
        }
    }
    Ok(Some(longest))
}

fn lifetime(topic: &HashMap<&str, &ConfigEntry>) -> Option<Duration> {
    let value = |name| topic.get(name).and_then(|entry| entry.value.as_deref());
    // A compacted topic keeps the last record of each key forever.
    let is_deleted = value("cleanup.policy").is_some_and(|policy| policy == "delete");
    // The value -1 means unlimited and does not parse as unsigned.
    let milliseconds = |name| value(name).and_then(|value| value.parse().ok()).map(Duration::from_millis);
    let age = milliseconds("retention.ms")?.saturating_add(milliseconds("segment.ms")?);
    is_deleted.then_some(age)
}

#[cfg(test)]
mod tests {
    use rdkafka::admin::ConfigSource;

    use super::*;

    fn lifetime_with(settings: &[(&str, &str)]) -> Option<Duration> {
        let entry = |(name, value): &(&str, &str)| ConfigEntry {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
            source: ConfigSource::DynamicTopic,
            is_read_only: false,
            is_default: false,
            is_sensitive: false,
        };
        let entries: Vec<_> = settings.iter().map(entry).collect();
        lifetime(&entries.iter().map(|entry| (entry.name.as_str(), entry)).collect())
    }

    #[test]
    fn record_lifetime_includes_segment_time() {
        let topic = [("cleanup.policy", "delete"), ("retention.ms", "2000"), ("segment.ms", "500")];
        assert_eq!(lifetime_with(&topic), Some(Duration::from_millis(2500)));
    }

    #[test]
    fn lifetime_is_unlimited_for_unbounded_or_compacted_topics() {
        assert_eq!(lifetime_with(&[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("segment.ms", "500")]), None);
        assert_eq!(
            lifetime_with(&[("cleanup.policy", "compact"), ("retention.ms", "2000"), ("segment.ms", "500")]),
            None
        );
        assert_eq!(
            lifetime_with(&[("cleanup.policy", "compact,delete"), ("retention.ms", "2"), ("segment.ms", "5")]),
            None
        );
        assert_eq!(lifetime_with(&[]), None, "unknown settings count as unlimited");
    }
}
