//! Records out.

use std::time::Duration;

use bytes::Bytes;
use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig},
    types::RDKafkaErrorCode,
};

use crate::{KafkaConfig, logging::RateLimitedContext};

/// How long unsent records may take at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// A record to send.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The topic's own name.
    pub topic: &'a str,
    /// The partition; `None`: as the key says.
    pub partition: Option<i32>,
    /// The record's key.
    pub key: Option<&'a [u8]>,
    /// The record's headers, in order.
    pub headers: &'a [(String, Bytes)],
    /// The record's value.
    pub payload: &'a [u8],
}

/// Why a record was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The client holds as many records as it may; wait for one to be acknowledged.
    #[error("the producer's queue is full")]
    QueueFull,
    /// The broker did not take it, or the client can't go on.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// Why it is not known that the broker has a record.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The client takes a record for delivered because one that it sent after it was. A broker does not promise that: to a
    /// producer that it has nothing of in a partition it lets any sequence number pass. So when a broker comes back, and
    /// refuses the first record while it has no leader yet, and takes the second, the first is lost.
    #[error("the client counts the record as delivered, but the broker named no place for it")]
    Unproven,
    /// The broker did not take it, or the client can't go on.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// An idempotent producer. Records with the same key arrive in the order they were sent, each once, unless a delivery
/// fails: what is sent again then may come twice, and after what was sent later.
pub struct Producer {
    config: KafkaConfig,
    client: FutureProducer<RateLimitedContext>,
}

/// A record that is on its way.
pub struct Delivery(DeliveryFuture);

impl Delivery {
    /// Ends when the broker has the record, or when it is clear that it won't.
    ///
    /// # Errors
    /// The broker does not have it, or it is not known.
    pub async fn acknowledged(self) -> Result<(), DeliveryError> {
        match self.0.await {
            Ok(Ok(delivered)) if delivered.offset >= 0 => Ok(()),
            Ok(Ok(_)) => Err(DeliveryError::Unproven),
            Ok(Err((error, _))) => Err(error.into()),
            Err(_) => Err(KafkaError::Canceled.into()),
        }
    }
}

impl Producer {
    /// A producer; it connects in the background.
    ///
    /// # Errors
    /// The configuration is not one that librdkafka takes.
    pub fn new(config: &KafkaConfig) -> Result<Self, KafkaError> {
        Ok(Self {
            config: config.clone(),
            client: config.producer().create_with_context(RateLimitedContext::default())?,
        })
    }

    /// Queues a record. Does not wait.
    ///
    /// # Errors
    /// The record is not queued.
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

    /// Drops what is queued and starts anew. After an error, what was not acknowledged is sent again from the outbox; a
    /// client that ended in a fatal error can't be used any more, and one that did not would send it twice.
    ///
    /// # Errors
    /// As [`Producer::new`].
    pub fn rebuild(&mut self) -> Result<(), KafkaError> {
        self.client.purge(PurgeConfig::default().queue().inflight());
        *self = Self::new(&self.config)?;
        Ok(())
    }

    /// Waits, a bounded time, until what was sent is acknowledged.
    ///
    /// # Errors
    /// Something is still unsent.
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

    /// Each record in a request of its own, so that the first can fail while the second is on its way.
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
        producer.send(outgoing).expect("there is room")
    }

    #[tokio::test]
    async fn that_a_later_record_was_taken_does_not_prove_that_an_earlier_one_was() {
        let cluster = MockCluster::new(1).expect("a broker");
        cluster.create_topic("order.events", 1, 1).expect("a topic");
        let producer = Producer::new(&config(cluster.bootstrap_servers())).expect("a producer");
        send(&producer, b"connected").acknowledged().await.expect("all is well");

        cluster.request_errors(RDKafkaApiKey::Produce, &[NOT_LEADER]);
        cluster.broker_round_trip_time(1, Duration::from_millis(300)).expect("both are on their way before an answer");
        let (first, second) = (send(&producer, b"first"), send(&producer, b"second"));
        second.acknowledged().await.expect("it has a place");
        let first = first.acknowledged().await.expect_err("it was refused");
        assert!(matches!(first, DeliveryError::Unproven), "{first}");
    }
}
