//! The connections of the runtime to the outside, replaceable by tests.

use std::sync::Arc;

use decider::Service;
use messaging::{Batch, KafkaConfig, KafkaError, Offsets, Producer, Record, consume, consume_all};
use store::{EventStore, Store};
use tokio::sync::mpsc;

use crate::{call::ProviderClient, consume::RecordConsumer, publish::Publisher};

/// Makes the connections of a runtime to store, producer, consumer and provider. Services use [`Direct`]; tests decorate
/// the connections to inject faults. Dispatch is static where records pass.
pub trait Seams: Clone + Send + Sync + 'static {
    /// The database, or a decorator of it.
    type Store: Store;
    /// The producer, or a decorator of it.
    type Publisher: Publisher;

    /// Wraps the opened database.
    fn store(&self, store: EventStore) -> Self::Store;

    /// Creates the producer.
    ///
    /// # Errors
    /// librdkafka rejects the configuration.
    fn publisher(&self, kafka: &KafkaConfig) -> Result<Self::Publisher, KafkaError>;

    /// Starts the consumer, with the arguments of [`messaging::consume`].
    ///
    /// # Errors
    /// librdkafka rejects the configuration.
    fn consumer<T: Send + 'static>(
        &self,
        kafka: &KafkaConfig,
        topics: &[&str],
        max_batch: usize,
        read: impl FnMut(&Record<'_>) -> Option<T> + Send + 'static,
        sink: mpsc::Sender<Batch<T>>,
    ) -> Result<Box<dyn RecordConsumer>, KafkaError>;

    /// Starts the consumer of a reader, with the arguments of [`messaging::consume_all`].
    ///
    /// # Errors
    /// librdkafka rejects the configuration.
    fn ungrouped_consumer<T: Send + 'static>(
        &self,
        kafka: &KafkaConfig,
        topics: &[&str],
        positions: Offsets,
        max_batch: usize,
        read: impl FnMut(&Record<'_>) -> Option<T> + Send + 'static,
        sink: mpsc::Sender<Batch<T>>,
    ) -> Result<Box<dyn RecordConsumer>, KafkaError> {
        Ok(Box::new(consume_all(kafka, topics, positions, max_batch, read, sink)?))
    }

    /// Wraps the client of the service's provider.
    fn provider<S: Service>(&self, provider: Arc<dyn ProviderClient<S>>) -> Arc<dyn ProviderClient<S>> {
        provider
    }
}

/// The undecorated connections.
#[derive(Debug, Clone, Copy)]
pub struct Direct;

impl Seams for Direct {
    type Store = EventStore;
    type Publisher = Producer;

    fn store(&self, store: EventStore) -> EventStore {
        store
    }

    fn publisher(&self, kafka: &KafkaConfig) -> Result<Producer, KafkaError> {
        Producer::new(kafka)
    }

    fn consumer<T: Send + 'static>(
        &self,
        kafka: &KafkaConfig,
        topics: &[&str],
        max_batch: usize,
        read: impl FnMut(&Record<'_>) -> Option<T> + Send + 'static,
        sink: mpsc::Sender<Batch<T>>,
    ) -> Result<Box<dyn RecordConsumer>, KafkaError> {
        Ok(Box::new(consume(kafka, topics, max_batch, read, sink)?))
    }
}
