//! The producer.

use std::time::Duration;

use bytes::Bytes;
use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig},
    types::RDKafkaErrorCode,
};

use crate::{KafkaConfig, logging::RateLimitedContext};

/// Maximum time to flush unsent records at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// A record to send.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The topic's name without prefix.
    pub topic: &'a str,
    /// The partition; `None` derives it from the key.
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub headers: &'a [(String, Bytes)],
    pub payload: &'a [u8],
}

/// Reasons why a record was not queued.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The client's queue is full; wait for an acknowledgement.
    #[error("the producer's queue is full")]
    QueueFull,
    /// The broker rejected the record, or the client failed.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// Reasons why the delivery of a record is not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The client inferred the delivery from that of a later record. A broker does not guarantee this: it accepts any
    /// sequence number from a producer that has no records in the partition yet. A restarted broker that rejects the first
    /// record because it has no leader yet, and accepts the second, loses the first.
    #[error("delivery report without an offset")]
    Unproven,
    /// The broker rejected the record, or the client failed.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// Errors by which a broker, or the client on its behalf, refuses a record.
const REFUSALS: [RDKafkaErrorCode; 6] = [
    RDKafkaErrorCode::MessageSizeTooLarge,
    RDKafkaErrorCode::InvalidMessageSize,
    RDKafkaErrorCode::MessageBatchTooLarge,
    RDKafkaErrorCode::InvalidTimestamp,
    RDKafkaErrorCode::InvalidRecord,
    RDKafkaErrorCode::PolicyViolation,
];

impl DeliveryError {
    /// Returns whether the record, or another in its batch, is refused. A retry fails in the same way until the topic's
    /// settings change. Any other error concerns the connection, the topic or the client.
    pub fn is_refusal(&self) -> bool {
        self.code().is_some_and(|code| REFUSALS.contains(&code))
    }

    /// Returns whether the record, or its batch, exceeds the size limit.
    pub fn is_too_large(&self) -> bool {
        self.code() == Some(RDKafkaErrorCode::MessageSizeTooLarge)
    }

    fn code(&self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::Kafka(error) => error.rdkafka_error_code(),
            Self::Unproven => None,
        }
    }
}

impl From<SendError> for DeliveryError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::QueueFull => KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull).into(),
            SendError::Kafka(error) => error.into(),
        }
    }
}

/// An idempotent producer. Records with the same key arrive once and in the order in which they were sent, unless a
/// delivery fails: a record that is then sent again may arrive twice, and after records that were sent later.
pub struct Producer {
    config: KafkaConfig,
    client: FutureProducer<RateLimitedContext>,
}

/// The place of an acknowledged record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    pub partition: i32,
    pub offset: i64,
}

/// A record in flight.
pub struct Delivery(DeliveryFuture);

impl Delivery {
    /// Waits until the broker has acknowledged the record or its delivery has failed.
    ///
    /// # Errors
    /// The delivery failed or is not confirmed.
    pub async fn acknowledged(self) -> Result<Acknowledged, DeliveryError> {
        match self.0.await {
            Ok(Ok(rdkafka::producer::future_producer::Delivery { partition, offset, .. })) if offset >= 0 => {
                Ok(Acknowledged { partition, offset })
            }
            Ok(Ok(_)) => Err(DeliveryError::Unproven),
            Ok(Err((error, _))) => Err(error.into()),
            Err(_) => Err(KafkaError::Canceled.into()),
        }
    }
}

impl Producer {
    /// Creates a producer, which connects in the background.
    ///
    /// # Errors
    /// librdkafka rejects the configuration.
    pub fn new(config: &KafkaConfig) -> Result<Self, KafkaError> {
        Ok(Self {
            config: config.clone(),
            client: config.producer().create_with_context(RateLimitedContext::default())?,
        })
    }

    /// Queues a record without waiting.
    ///
    /// # Errors
    /// The record was not queued.
    pub fn send(&self, record: Outgoing<'_>) -> Result<Delivery, SendError> {
        let topic = self.config.topic(record.topic);
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in record.headers {
            headers = headers.insert(Header { key, value: Some(&value[..]) });
        }
        let mut outgoing = FutureRecord::<[u8], [u8]>::to(&topic).payload(record.payload).headers(headers);
        outgoing.key = record.key;
        outgoing.partition = record.partition;
        let sent = self.client.send_result(outgoing).map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => SendError::QueueFull,
            _ => SendError::Kafka(error),
        });
        sent.map(Delivery)
    }

    /// Discards queued records and recreates the client. After an error, the outbox sends unacknowledged records again. A
    /// client with a fatal error is unusable, and any other would send its queued records a second time.
    ///
    /// # Errors
    /// See [`Producer::new`].
    pub fn rebuild(&mut self) -> Result<(), KafkaError> {
        self.client.purge(PurgeConfig::default().queue().inflight());
        *self = Self::new(&self.config)?;
        Ok(())
    }

    /// Waits for a bounded time until all records are acknowledged.
    ///
    /// # Errors
    /// Some records are still unacknowledged.
    pub async fn flush(&self) -> Result<(), KafkaError> {
        let client = self.client.clone();
        let flush = tokio::task::spawn_blocking(move || client.flush(FLUSH_TIMEOUT));
        flush.await.map_err(|_| KafkaError::Canceled)?
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION as NOT_LEADER;
    use rdkafka::{mocking::MockCluster, types::RDKafkaApiKey};

    use super::*;

    /// One record per request, so that the first can fail while the second is in flight.
    fn config(bootstrap_servers: String) -> KafkaConfig {
        KafkaConfig {
            bootstrap_servers,
            prefix: String::new(),
            group: "order".to_owned(),
            instance: "0".to_owned(),
            partitions: 1,
            replication: 1,
            properties: vec![("batch.num.messages".to_owned(), "1".to_owned())],
        }
    }

    fn send(producer: &Producer, payload: &[u8]) -> Delivery {
        let outgoing = Outgoing { topic: "order.events", partition: None, key: None, headers: &[], payload };
        producer.send(outgoing).expect("queued")
    }

    #[tokio::test]
    async fn later_ack_does_not_confirm_earlier_record() {
        let cluster = MockCluster::new(1).expect("a broker");
        cluster.create_topic("order.events", 1, 1).expect("a topic");
        let producer = Producer::new(&config(cluster.bootstrap_servers())).expect("a producer");
        send(&producer, b"connected").acknowledged().await.expect("acknowledged");

        cluster.request_errors(RDKafkaApiKey::Produce, &[NOT_LEADER]);
        cluster
            .broker_round_trip_time(1, Duration::from_millis(300))
            .expect("delays responses until both records are in flight");
        let (first, second) = (send(&producer, b"first"), send(&producer, b"second"));
        second.acknowledged().await.expect("acknowledged with an offset");
        let first = first.acknowledged().await.expect_err("rejected by the broker");
        assert!(matches!(first, DeliveryError::Unproven), "{first}");
    }
}
