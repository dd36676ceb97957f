//! The decorated connections of the runtime.

use std::sync::Arc;

use cloudevent::EventType;
use decider::Service;
use messaging::{Batch, KafkaConfig, KafkaError, Producer, Record, consume};
use runtime::{ProviderClient, RecordConsumer, Seams};
use store::EventStore;
use tokio::sync::mpsc;

use crate::{
    bug::Bug,
    consumer::{FaultyConsumer, forward, inspect},
    faults::Faults,
    provider::FaultyProvider,
    publisher::FaultyPublisher,
    store::FaultyStore,
};

/// The connections with the faults of this process.
#[derive(Clone)]
pub(crate) struct Faulty(Arc<Faults>);

impl Faulty {
    /// The faults of a service that owns these events.
    pub(crate) fn from_environment(owned: &'static [EventType]) -> Self {
        Self(Arc::new(Faults::from_environment(owned)))
    }
}

impl Seams for Faulty {
    type Store = FaultyStore;
    type Publisher = FaultyPublisher;

    fn store(&self, store: EventStore) -> FaultyStore {
        self.0.announce();
        FaultyStore { inner: store, faults: Arc::clone(&self.0) }
    }

    fn publisher(&self, kafka: &KafkaConfig) -> Result<FaultyPublisher, KafkaError> {
        if self.0.has(Bug::PublishBeforeCommit) {
            let early = Producer::new(kafka)?;
            self.0.early_producer.get_or_init(|| early);
        }
        Ok(FaultyPublisher { inner: Producer::new(kafka)?, faults: Arc::clone(&self.0) })
    }

    fn consumer<T: Send + 'static>(
        &self,
        kafka: &KafkaConfig,
        topics: &[&str],
        max_batch: usize,
        mut read: impl FnMut(&Record<'_>) -> Option<T> + Send + 'static,
        sink: mpsc::Sender<Batch<T>>,
    ) -> Result<Box<dyn RecordConsumer>, KafkaError> {
        let faults = Arc::clone(&self.0);
        let read = move |record: &Record<'_>| {
            inspect(&faults, record);
            read(record)
        };
        let inner = if self.0.has(Bug::OffsetsBeforeCommit) {
            let (early_sink, batches) = mpsc::channel(1);
            let consumer = Arc::new(consume(kafka, topics, max_batch, read, early_sink)?);
            tokio::spawn(forward(Arc::clone(&consumer), batches, sink));
            consumer
        } else {
            Arc::new(consume(kafka, topics, max_batch, read, sink)?)
        };
        Ok(Box::new(FaultyConsumer { inner, faults: Arc::clone(&self.0) }))
    }

    fn provider<S: Service>(&self, provider: Arc<dyn ProviderClient<S>>) -> Arc<dyn ProviderClient<S>> {
        Arc::new(FaultyProvider { inner: provider, faults: Arc::clone(&self.0) })
    }
}
