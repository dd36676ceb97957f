//! Connection settings of the tests' Kafka clients.

use std::time::Duration;

use rdkafka::ClientConfig;

/// Longest wait for one response of the broker.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) fn client_config(broker: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker);
    config
}
