//! Records that the broker refuses, such as a record above the size limit of its topic.
//!
//! A broker refuses a whole batch. Therefore the relay first sends each record of the batch alone. A record that is refused
//! alone moves to the table of unsent records, and so do later records of its topic and key. The others continue. Unsent
//! records are retried without limit, alone and in the order of their key.

use std::time::Duration;

use jiff::Timestamp;
use messaging::{Acknowledged, DeliveryError};
use store::{NewUnsent, RecordData, Rescheduled, Store, Unsent};
use telemetry::KeyValue;
use tokio::time::sleep;
use tracing::{error, warn};
use uuid::Uuid;

use crate::publish::{
    departure::{Outcome, Sent},
    publisher::Publisher,
    refusal_log::event_name,
    relay::{BACKOFF_MAX, Relay, outgoing_record},
};

/// Maximum unsent records per round.
const UNSENT_MAX: usize = 100;
/// Wait after the first refusal. It doubles with each further one.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// Maximum wait before an unsent record is retried.
const RETRY_MAX: Duration = Duration::from_mins(5);

impl<P: Publisher, D: Store> Relay<P, D> {
    /// Reads the keys with unsent records, if this instance has begun to lead since they were read.
    pub(super) async fn load_blocked_keys(&mut self) {
        while let Some(term) = self.queue.term()
            && !self.blocked.is_of(term)
        {
            match self.store.unsent_keys().await {
                Ok(keys) => self.blocked.set(term, keys),
                Err(error) => {
                    error!(%error, "failed to read unsent records, retrying");
                    sleep(BACKOFF_MAX).await;
                }
            }
        }
    }

    /// Reads the unsent records that are due.
    pub(super) async fn find_due(&mut self) {
        self.load_blocked_keys().await;
        if self.blocked.is_empty() || self.queue.term().is_none() || !self.due.is_empty() {
            return;
        }
        match self.store.unsent(Timestamp::now(), UNSENT_MAX).await {
            Ok(due) => self.due = due,
            Err(error) => warn!(%error, "failed to read unsent records, retrying"),
        }
    }

    /// Settles suspects and due records, each alone. Call it while no record is in flight.
    ///
    /// # Errors
    /// The delivery of a record failed for another reason than a refusal.
    pub(super) async fn settle_alone(&mut self) -> Result<(), DeliveryError> {
        if !self.suspects.is_empty() {
            self.settle_suspects().await?;
        }
        if !self.due.is_empty() {
            self.retry_due().await?;
        }
        Ok(())
    }

    /// Sends refused records again. A record that was acknowledged although an earlier one of its key is unsent is kept, too,
    /// so that it is published again after it.
    async fn settle_suspects(&mut self) -> Result<(), DeliveryError> {
        for Sent { departure, outcome } in std::mem::take(&mut self.suspects) {
            if let Outcome::Failed(error) = &outcome {
                self.refusal_log.refused(departure.event, error);
            }
            if self.blocked.contains(&departure.record) {
                self.keep(departure.id, &departure.record, None).await;
                self.acknowledge(departure, None);
                continue;
            }
            let result = match outcome {
                Outcome::Acknowledged(place) => Ok(place),
                Outcome::Kept | Outcome::Failed(_) => self.send_alone(&departure.record).await,
            };
            match result {
                Ok(place) => self.acknowledge(departure, Some(place)),
                Err(error) if error.is_refusal() => {
                    self.keep(departure.id, &departure.record, Some(&error)).await;
                    self.acknowledge(departure, None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends a record and waits for the broker.
    pub(super) async fn send_alone(&mut self, record: &RecordData) -> Result<Acknowledged, DeliveryError> {
        self.publisher.send(outgoing_record(record))?.await
    }

    /// Stores a record that was refused, or that waits behind another one. Retries until it is stored, because the cursor
    /// passes it.
    pub(super) async fn keep(&mut self, id: Uuid, record: &RecordData, refusal: Option<&DeliveryError>) {
        let (attempts, error) = refusal.map_or((0, String::new()), |error| (1, error.to_string()));
        if let Some(error) = refusal {
            self.refusal_log.kept(id, record, error);
        }
        let due = Timestamp::now() + wait(attempts);
        let unsent = NewUnsent { id, record: record.clone(), attempts, error, due };
        while let Err(error) = self.store.keep_unsent(unsent.clone()).await {
            error!(%error, "failed to store an unsent record, retrying");
            sleep(BACKOFF_MAX).await;
        }
        self.blocked.insert(record);
    }

    /// Sends due records again, and those that waited behind them in the next round.
    async fn retry_due(&mut self) -> Result<(), DeliveryError> {
        let (mut sent, mut rescheduled, mut result) = (Vec::new(), Vec::new(), Ok(()));
        for Unsent { position, unsent } in std::mem::take(&mut self.due) {
            match self.send_alone(&unsent.record).await {
                Ok(place) => {
                    self.count_sent(&unsent.record, place);
                    sent.push(position);
                }
                Err(error) if error.is_refusal() => {
                    let attempts = unsent.attempts.saturating_add(1);
                    let (error, due) = (error.to_string(), Timestamp::now() + wait(attempts));
                    rescheduled.push(Rescheduled { position, attempts, error, due });
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        let is_any_sent = !sent.is_empty();
        if let Err(error) = self.store.update_unsent(sent, rescheduled).await {
            warn!(%error, "failed to update unsent records, sending them again");
        } else if is_any_sent {
            self.unblock_keys().await;
            self.find_due().await;
        }
        result
    }

    fn count_sent(&self, record: &RecordData, place: Acknowledged) {
        if self.owned.iter().any(|owned| owned.topic == record.topic) {
            self.published.observe(place);
            self.published.add_one();
            self.backlog.remove_one();
        }
        self.metrics.published.add(1, &[KeyValue::new("event", event_name(record))]);
    }

    /// Lets the records of those keys pass again that have no unsent record any more.
    async fn unblock_keys(&mut self) {
        let Some(term) = self.queue.term() else { return };
        match self.store.unsent_keys().await {
            Ok(keys) => self.blocked.set(term, keys),
            Err(error) => warn!(%error, "failed to read unsent records"),
        }
    }
}

/// The wait after this many refusals.
fn wait(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        _ => RETRY_MIN.saturating_mul(2u32.saturating_pow(attempts - 1)).min(RETRY_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum() {
        let seconds = [0, 1, 2, 3, 8, 9, 10, u32::MAX].map(|attempts| wait(attempts).as_secs());
        assert_eq!(seconds, [0, 1, 2, 4, 128, 256, 300, 300]);
    }
}
