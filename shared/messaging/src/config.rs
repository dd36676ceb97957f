//! Settings of the Kafka clients. Every value that differs from librdkafka's default has its reason beside it.

use rdkafka::{ClientConfig, error::KafkaError};

/// Connection and client settings of one deployment.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// Prefix of every topic and group name, so that several deployments can share a broker.
    pub prefix: String,
    /// The consumer group, which is also the client's name in the broker's logs.
    pub group: String,
    /// The name of this instance within the group. It is unique among instances and stable across restarts, so that a
    /// restarted instance gets its partitions at once instead of after the session timeout.
    pub instance: String,
    /// Partitions of a newly created topic.
    pub partitions: i32,
    /// Replicas of a newly created topic.
    pub replication: i32,
    /// Further librdkafka properties, which override all defaults.
    pub properties: Vec<(String, String)>,
}

impl KafkaConfig {
    /// Checks that librdkafka knows a property and accepts the value.
    ///
    /// # Errors
    /// librdkafka does not know the property or rejects the value.
    pub fn check_property(name: &str, value: &str) -> Result<(), KafkaError> {
        ClientConfig::new().set(name, value).create_native_config().map(drop)
    }

    /// The broker's name of a topic: prefix and name.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The name of a topic without the prefix.
    pub(crate) fn own_name<'a>(&self, topic: &'a str) -> &'a str {
        topic.strip_prefix(self.prefix.as_str()).unwrap_or(topic)
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.bootstrap_servers);
        client.set("client.id", format!("{}-{}", self.group, self.instance));
        // Reconnect quickly after a broker restart; the default waits up to ten seconds.
        client.set("reconnect.backoff.ms", "50");
        client.set("reconnect.backoff.max.ms", "1000");
        client
    }

    /// Settings of a member of the group.
    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut client = self.polling();
        client.set("group.instance.id", format!("{}-{}", self.topic(&self.group), self.instance));
        // Offsets are committed to Kafka in the background. A lost commit causes a redelivery, which the inbox recognizes.
        client.set("enable.auto.commit", "true");
        client.set("auto.commit.interval.ms", "1000");
        client.set("partition.assignment.strategy", "cooperative-sticky");
        client.set("session.timeout.ms", "10000");
        client.set("heartbeat.interval.ms", "1000");
        self.with_properties(client)
    }

    /// Settings of a consumer that joins no group and commits nothing.
    pub(crate) fn ungrouped_consumer(&self) -> ClientConfig {
        let mut client = self.polling();
        client.set("enable.auto.commit", "false");
        self.with_properties(client)
    }

    /// Settings of every consumer of a service.
    fn polling(&self) -> ClientConfig {
        let mut client = self.client();
        // The client requires a name even if it never joins the group. The broker then has no such group.
        client.set("group.id", self.topic(&self.group));
        // Offsets are stored explicitly, after the corresponding work is committed.
        client.set("enable.auto.offset.store", "false");
        // Without a position, start with the first record, not with the next one.
        client.set("auto.offset.reset", "earliest");
        client.set("allow.auto.create.topics", "false");
        // An idle broker responds to a fetch after this time, and newly assigned partitions wait for that response before
        // their first fetch. The default of half a second would delay the first record after a start by as much.
        client.set("fetch.wait.max.ms", "50");
        // A topic that one of several brokers does not know yet is found after this time; the default is five minutes.
        client.set("topic.metadata.refresh.interval.ms", "5000");
        // The consumer lag is taken from the statistics.
        client.set("statistics.interval.ms", "5000");
        // Retry a fetch that failed or found the queue full sooner than after the default of one second.
        client.set("fetch.error.backoff.ms", "50");
        client.set("fetch.queue.backoff.ms", "20");
        client
    }

    /// Settings for reading without joining a group or committing offsets.
    pub(crate) fn reader(&self) -> ClientConfig {
        let mut client = self.client();
        // Names the group whose offsets are read. The client does not join it.
        client.set("group.id", self.topic(&self.group));
        client.set("enable.auto.commit", "false");
        client.set("allow.auto.create.topics", "false");
        client.set("fetch.wait.max.ms", "50");
        self.with_properties(client)
    }

    pub(crate) fn producer(&self) -> ClientConfig {
        let mut client = self.client();
        // Retries lose, duplicate or reorder no record.
        client.set("enable.idempotence", "true");
        client.set("acks", "all");
        // Batches form while the previous request is in flight; lingering would only add latency.
        client.set("linger.ms", "0");
        // The Java clients' partitioner, so that producers in all languages put a key on the same partition.
        client.set("partitioner", "murmur2_random");
        client.set("delivery.timeout.ms", "30000");
        // The broker enforces the record size. A dead letter is larger than its original record.
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
