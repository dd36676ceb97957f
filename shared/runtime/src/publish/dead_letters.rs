//! Publishes dead letters.

use messaging::{DeliveryError, dead_letters};
use store::{DeadLetter, Store};
use telemetry::KeyValue;
use tracing::warn;
use uuid::Uuid;

use crate::publish::{
    publisher::Publisher,
    relay::{Relay, outgoing_record},
};

/// Maximum dead letters published together.
const DEAD_LETTERS_MAX: usize = 100;

impl<P: Publisher, D: Store> Relay<P, D> {
    /// Publishes waiting dead letters, while this instance leads. Those that fail are retried at the next call.
    pub(super) async fn publish_dead_letters(&mut self) {
        if self.queue.term().is_none() {
            return;
        }
        let letters = match self.store.dead_letters(DEAD_LETTERS_MAX).await {
            Ok(letters) if letters.is_empty() => return,
            Ok(letters) => letters,
            Err(error) => return warn!(%error, "failed to read dead letters, retrying"),
        };
        if letters.len() == DEAD_LETTERS_MAX {
            self.dead_letters.notify_one();
        }
        self.load_blocked_keys().await;
        let sent: Vec<_> = letters.into_iter().map(|letter| self.send_letter(letter)).collect();
        let mut ids = Vec::with_capacity(sent.len());
        for (letter, delivery) in sent {
            let result = match delivery {
                Some(Ok(delivery)) => delivery.await.map(drop),
                Some(Err(error)) => Err(error),
                None => {
                    self.keep(letter.id, &letter.record, None).await;
                    Ok(())
                }
            };
            let result = match result {
                Err(error) if error.is_refusal() => self.send_refused(&letter).await,
                result => result,
            };
            match result {
                Ok(()) => ids.push(letter.id),
                Err(error) => warn!(%error, "failed to publish a dead letter, retrying"),
            }
        }
        self.mark_published(ids).await;
    }

    async fn mark_published(&mut self, ids: Vec<Uuid>) {
        self.metrics.published.add(ids.len() as u64, &[KeyValue::new("event", "dead letter")]);
        if let Err(error) = self.store.mark_published(ids).await {
            warn!(%error, "failed to mark dead letters as published");
        }
    }

    /// Sends a dead letter, unless it waits behind an unsent one.
    fn send_letter(
        &self,
        letter: DeadLetter,
    ) -> (DeadLetter, Option<Result<impl Future<Output = DeliveryResult> + use<P, D>, DeliveryError>>) {
        let is_blocked = self.blocked.contains(&letter.record);
        let delivery = (!is_blocked).then(|| self.publisher.send(outgoing_record(&letter.record)));
        (letter, delivery.map(|delivery| delivery.map_err(DeliveryError::from)))
    }

    /// Sends a refused dead letter alone, because the broker refuses whole batches. One that is too large is cut. If it is
    /// refused all the same, it is kept unsent.
    async fn send_refused(&mut self, letter: &DeadLetter) -> Result<(), DeliveryError> {
        let mut record = letter.record.clone();
        let mut result = self.send_alone(&record).await;
        if result.as_ref().is_err_and(DeliveryError::is_too_large)
            && dead_letters::cut(&mut record.headers, &mut record.payload)
        {
            result = self.send_alone(&record).await;
        }
        if let Err(error) = result {
            if !error.is_refusal() {
                return Err(error);
            }
            self.keep(letter.id, &record, Some(&error)).await;
        }
        Ok(())
    }
}

type DeliveryResult = Result<messaging::Acknowledged, DeliveryError>;
