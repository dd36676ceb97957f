//! Records out.

use std::time::Duration;

use bytes::Bytes;
use rdkafka::{
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig},
    types::RDKafkaErrorCode,
};

use crate::KafkaConfig;

/// How long unsent records may take at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// A record to send.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The topic's own name.
    pub topic: &'a str,
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

/// An idempotent producer. Records with the same key arrive in the order they were sent, each once.
pub struct Producer {
    config: KafkaConfig,
    client: FutureProducer,
}

/// A record that is on its way.
pub struct Delivery(DeliveryFuture);

impl Delivery {
    /// Ends when the broker has the record, or when it is clear that it won't.
    ///
    /// # Errors
    /// The broker does not have it, or it is not known.
    pub async fn acknowledged(self) -> Result<(), KafkaError> {
        match self.0.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((error, _))) => Err(error),
            Err(_) => Err(KafkaError::Canceled),
        }
    }
}

impl Producer {
    /// A producer; it connects in the background.
    ///
    /// # Errors
    /// The configuration is not one that librdkafka takes.
    pub fn new(config: &KafkaConfig) -> Result<Self, KafkaError> {
        Ok(Self { config: config.clone(), client: config.producer().create()? })
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
