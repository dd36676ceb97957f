//! How the Kafka clients are set. Every value that differs from librdkafka's own default says why.

use rdkafka::{ClientConfig, error::KafkaError};

/// Where the broker is, and what a deployment may change.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// Put before the name of every topic and group, so that several deployments can share a broker.
    pub prefix: String,
    /// The consumer group, and the client's name in the broker's logs.
    pub group: String,
    /// Which of the group's replicas this is. Stable over restarts, unique among replicas: a replica that comes back
    /// gets its partitions at once instead of after the session's timeout.
    pub instance: String,
    /// Partitions of a topic that is made.
    pub partitions: i32,
    /// Replicas of a topic that is made.
    pub replication: i32,
    /// Any other librdkafka properties; these win over all defaults.
    pub properties: Vec<(String, String)>,
}

impl KafkaConfig {
    /// Whether librdkafka has such a property and takes the value.
    ///
    /// # Errors
    /// It does not.
    pub fn check_property(name: &str, value: &str) -> Result<(), KafkaError> {
        ClientConfig::new().set(name, value).create_native_config().map(drop)
    }

    /// A topic's name at the broker.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A topic's own name.
    pub(crate) fn own_name<'a>(&self, topic: &'a str) -> &'a str {
        topic.strip_prefix(self.prefix.as_str()).unwrap_or(topic)
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.bootstrap_servers);
        client.set("client.id", format!("{}-{}", self.group, self.instance));
        // A broker that comes back should be found at once; the default waits up to ten seconds.
        client.set("reconnect.backoff.ms", "50");
        client.set("reconnect.backoff.max.ms", "1000");
        client
    }

    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut client = self.client();
        client.set("group.id", self.topic(&self.group));
        client.set("group.instance.id", format!("{}-{}", self.topic(&self.group), self.instance));
        // Offsets are stored by hand, after the work that they stand for is committed. What is stored is then committed
        // in the background: a lost commit costs a redelivery, which the inbox recognizes.
        client.set("enable.auto.offset.store", "false");
        client.set("enable.auto.commit", "true");
        client.set("auto.commit.interval.ms", "1000");
        // A new group starts with the first record, not with the next.
        client.set("auto.offset.reset", "earliest");
        client.set("allow.auto.create.topics", "false");
        client.set("partition.assignment.strategy", "cooperative-sticky");
        client.set("session.timeout.ms", "10000");
        client.set("heartbeat.interval.ms", "1000");
        // An idle broker answers a fetch after this time. Partitions that were just assigned wait for that answer before
        // their first fetch, so half a second, the default, would be an order's after a start.
        client.set("fetch.wait.max.ms", "50");
        // A topic that one broker of several does not know yet is found after this time; the default is five minutes.
        client.set("topic.metadata.refresh.interval.ms", "5000");
        // From these the consumer's lag is told.
        client.set("statistics.interval.ms", "5000");
        // After a fetch failed, or found the queue full, the next one needn't wait a whole second.
        client.set("fetch.error.backoff.ms", "50");
        client.set("fetch.queue.backoff.ms", "20");
        self.with_properties(client)
    }

    /// For reading without joining a group or committing anything.
    pub(crate) fn reader(&self) -> ClientConfig {
        let mut client = self.client();
        // Whose offsets are asked for; it is not joined.
        client.set("group.id", self.topic(&self.group));
        client.set("enable.auto.commit", "false");
        client.set("allow.auto.create.topics", "false");
        client.set("fetch.wait.max.ms", "50");
        self.with_properties(client)
    }

    pub(crate) fn producer(&self) -> ClientConfig {
        let mut client = self.client();
        // No record is lost, doubled or reordered by a retry.
        client.set("enable.idempotence", "true");
        client.set("acks", "all");
        // Batches form while the request before is under way; waiting for more would only add latency.
        client.set("linger.ms", "0");
        // As Java clients do it, so that producers in any language put an order's records on the same partition.
        client.set("partitioner", "murmur2_random");
        client.set("delivery.timeout.ms", "30000");
        // The broker says how large a record may be. A dead letter is larger than the record it was made of.
        client.set("message.max.bytes", "4194304");
        client.set("allow.auto.create.topics", "false");
        self.with_properties(client)
    }

    fn with_properties(&self, mut client: ClientConfig) -> ClientConfig {
        for (name, value) in &self.properties {
            client.set(name, value);
        }
        client
    }
}
