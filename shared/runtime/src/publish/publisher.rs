//! The producer behind an interface, so that tests can decorate it.

use messaging::{Acknowledged, DeliveryError, KafkaError, Outgoing, Producer, SendError};

/// Sends records: [`messaging::Producer`], or a decorator of it.
pub trait Publisher: Send + Sync + 'static {
    /// Queues a record without waiting. The future resolves once the broker has it.
    ///
    /// # Errors
    /// The record is not queued.
    fn send(
        &self,
        record: Outgoing<'_>,
    ) -> Result<impl Future<Output = Result<Acknowledged, DeliveryError>> + Send + use<Self>, SendError>;

    /// Drops everything queued and replaces the client, after an error.
    ///
    /// # Errors
    /// The client cannot be created.
    fn rebuild(&mut self) -> Result<(), KafkaError>;
}

impl Publisher for Producer {
    fn send(
        &self,
        record: Outgoing<'_>,
    ) -> Result<impl Future<Output = Result<Acknowledged, DeliveryError>> + Send + use<>, SendError> {
        Ok(Self::send(self, record)?.acknowledged())
    }

    fn rebuild(&mut self) -> Result<(), KafkaError> {
        Self::rebuild(self)
    }
}
