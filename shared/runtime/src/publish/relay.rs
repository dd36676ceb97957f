//! Publishes the log in order, and retries each record until the broker has it or refuses it.

use std::{future::ready, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use cloudevent::EventType;
use decider::StreamId;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use messaging::{Acknowledged, DeliveryError, Outgoing, SendError};
use store::{LogEntry, RecordData, Store, StoredEvent, Unsent};
use telemetry::{KeyValue, Metrics, Span, Spans, Trace};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, MissedTickBehavior, sleep, sleep_until},
};
use tracing::{error, warn};
use uuid::Uuid;

use crate::{
    publish::{
        backlog::Backlog,
        blocked_keys::BlockedKeys,
        departure::{Departure, Outcome, Sent},
        outgoing::{OutgoingEvent, Published},
        publisher::Publisher,
        record::record,
        refusal_log::RefusalLog,
        replayer::ReplayedEvent,
        throttle::Throttle,
    },
    work_queue::WorkReceiver,
};

/// Maximum records sent and not yet acknowledged.
const IN_FLIGHT_MAX: usize = 10_000;
/// The cursor waits this long for a transaction that stores it, before the relay does it.
const CURSOR_INTERVAL: Duration = Duration::from_millis(200);
/// Maximum time until dead letters are published that another instance stored, or whose delivery failed.
const DEAD_LETTER_INTERVAL: Duration = Duration::from_secs(1);
/// Time between checks for unsent records that are due.
const UNSENT_INTERVAL: Duration = Duration::from_secs(1);
/// First wait before the relay retries.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// Maximum wait before the relay retries.
pub(super) const BACKOFF_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Relay<P, D> {
    pub(crate) queue: WorkReceiver<OutgoingEvent, D>,
    pub(crate) spans: Spans,
    pub(crate) publisher: P,
    pub(crate) published: Published,
    pub(crate) store: D,
    pub(crate) metrics: Arc<Metrics>,
    /// The events that the service owns. It may publish no others.
    pub(crate) owned: &'static [EventType],
    /// Prefix of `/schemas/...` in events.
    pub(crate) schema_base_url: String,
    /// Notified of new dead letters.
    pub(crate) dead_letters: Arc<Notify>,
    /// Events to publish again.
    pub(crate) replays: mpsc::Receiver<ReplayedEvent>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) throttle: Throttle,
    /// The next record, which is throttled, and the time to send it.
    pub(crate) delayed: Option<(OutgoingEvent, Instant)>,
    /// Keys with unsent records.
    pub(crate) blocked: BlockedKeys,
    /// A refused record and all records that were sent after it. Nothing else is sent until they are settled.
    pub(crate) suspects: Vec<Sent>,
    /// Unsent records to send again. Nothing else is sent meanwhile, because a broker refuses whole batches.
    pub(crate) due: Vec<Unsent>,
    pub(crate) refusal_log: RefusalLog,
}

type InFlight = FuturesOrdered<BoxFuture<'static, Sent>>;

/// The reason why sending stopped.
pub(super) enum Stopped {
    /// The queue ended and all records are acknowledged.
    Finished,
    /// The record at this position and all later ones must be sent again; `None` means all that are not acknowledged.
    Failed(Option<i64>, DeliveryError),
}

impl<P: Publisher, D: Store> Relay<P, D> {
    /// Publishes until the queue ends and all records are acknowledged.
    pub(crate) async fn run(mut self) {
        let mut backoff = backoff();
        while let Stopped::Failed(position, error) = self.send_all().await {
            warn!(%error, position, "failed to publish, resending unacknowledged events");
            self.store_cursor().await;
            self.delayed = None;
            self.suspects.clear();
            self.due.clear();
            match position {
                Some(position) => self.queue.rewind(position - 1),
                None => self.queue.restart(),
            }
            sleep(backoff.next().unwrap_or(BACKOFF_MAX)).await;
            if let Err(error) = self.publisher.rebuild() {
                error!(%error, "failed to recreate producer");
            }
        }
        self.store_cursor().await;
    }

    async fn send_all(&mut self) -> Stopped {
        let mut in_flight = InFlight::new();
        let mut cursor = tokio::time::interval(CURSOR_INTERVAL);
        let mut dead_letters = tokio::time::interval(DEAD_LETTER_INTERVAL);
        let mut unsent = tokio::time::interval(UNSENT_INTERVAL);
        unsent.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let notify = Arc::clone(&self.dead_letters);
        let mut more = true;
        while more || !in_flight.is_empty() || self.delayed.is_some() {
            let send_at = self.delayed.as_ref().map(|(_, send_at)| *send_at);
            let sends = self.suspects.is_empty() && self.due.is_empty();
            tokio::select! {
                Some(sent) = in_flight.next() => if let Err(stopped) = self.receive(sent) {
                    return stopped;
                },
                () = sleep_until(send_at.unwrap_or_else(Instant::now)), if sends && send_at.is_some() => {
                    if let Some((event, _)) = self.delayed.take() {
                        self.send_ready(event, &mut in_flight).await;
                    }
                }
                event = self.queue.next(), if more && sends && send_at.is_none() && in_flight.len() < IN_FLIGHT_MAX => match event {
                    Ok(Some(event)) => self.send_ready(event, &mut in_flight).await,
                    Ok(None) => more = false,
                    Err(error) => {
                        error!(%error, "failed to read the log, retrying");
                        sleep(BACKOFF_MAX).await;
                    }
                },
                Some(replayed) = self.replays.recv(), if more && sends && in_flight.len() < IN_FLIGHT_MAX => {
                    self.send_again(replayed, &mut in_flight).await;
                }
                _ = cursor.tick() => self.store_cursor().await,
                () = notify.notified() => self.publish_dead_letters().await,
                _ = dead_letters.tick() => self.publish_dead_letters().await,
                _ = unsent.tick() => self.find_due().await,
            }
            if in_flight.is_empty()
                && let Err(error) = self.settle_alone().await
            {
                return Stopped::Failed(None, error);
            }
        }
        Stopped::Finished
    }

    /// Acknowledges a record, unless it or an earlier one is refused.
    fn receive(&mut self, sent: Sent) -> Result<(), Stopped> {
        match sent.outcome {
            Outcome::Failed(error) if !error.is_refusal() => {
                let position = sent.departure.position.filter(|_| self.suspects.is_empty());
                return Err(Stopped::Failed(position, error));
            }
            Outcome::Acknowledged(place) if self.suspects.is_empty() => self.acknowledge(sent.departure, Some(place)),
            Outcome::Kept if self.suspects.is_empty() => self.acknowledge(sent.departure, None),
            _ => self.suspects.push(sent),
        }
        Ok(())
    }

    /// Notes that the broker has a record, or that it is kept unsent.
    pub(super) fn acknowledge(&self, departure: Departure, place: Option<Acknowledged>) {
        let Departure { position, event, acknowledged, .. } = departure;
        if let Some(position) = position {
            self.published.pass(position);
        }
        if let Some(acknowledged) = acknowledged {
            // The replayer may have been stopped.
            let _ = acknowledged.send(());
        }
        let Some(place) = place else { return };
        self.published.observe(place);
        let counter = if position.is_some() {
            self.published.add_one();
            self.backlog.remove_one();
            &self.metrics.published
        } else {
            &self.metrics.replayed
        };
        counter.add(1, &[KeyValue::new("event", event)]);
    }

    /// Sends this record and all that are available without waiting.
    async fn send_ready(&mut self, first: OutgoingEvent, in_flight: &mut InFlight) {
        self.load_blocked_keys().await;
        let mut next = Some(first);
        while let Some(outgoing) = next {
            let position = outgoing.entry.position;
            let Some(event) = self.own_event(&outgoing.entry.event) else {
                error!(
                    event = &*outgoing.entry.event.name,
                    position, "refusing to publish an event of another service"
                );
                next = self.queue.try_next();
                continue;
            };
            if let Some(wait) = self.throttle.wait(event.name) {
                self.metrics.throttled.add(1, &[KeyValue::new("event", event.name)]);
                self.delayed = Some((outgoing, Instant::now() + wait));
                return;
            }
            if !self.send(outgoing, event, in_flight).await {
                // Acknowledgements of records in flight make room.
                self.queue.rewind(position - 1);
                return;
            }
            next = if in_flight.len() < IN_FLIGHT_MAX { self.queue.try_next() } else { None };
        }
    }

    /// Returns false if the producer's queue is full.
    async fn send(
        &mut self,
        outgoing: OutgoingEvent,
        event_type: &'static EventType,
        in_flight: &mut InFlight,
    ) -> bool {
        let OutgoingEvent { entry: LogEntry { position, stream, event }, span } = outgoing;
        let span = span.unwrap_or_else(|| self.resend_span(&event, event_type.topic));
        let departure = Departure { position: Some(position), ..self.departure(&stream, event, event_type, None) };
        self.depart(departure, span, in_flight).await
    }

    /// Sends an event again. If it cannot be sent, its replay starts again.
    async fn send_again(&mut self, replayed: ReplayedEvent, in_flight: &mut InFlight) {
        let ReplayedEvent { stream, event, wave, acknowledged } = replayed;
        let Some(event_type) = self.own_event(&event) else { return };
        self.load_blocked_keys().await;
        let span = self.resend_span(&event, event_type.topic);
        let departure = self.departure(&stream, event, event_type, Some(wave));
        let departure = Departure { acknowledged: Some(acknowledged), ..departure };
        self.depart(departure, span, in_flight).await;
    }

    fn departure(
        &self,
        stream: &StreamId,
        event: StoredEvent,
        event_type: &'static EventType,
        wave: Option<Uuid>,
    ) -> Departure {
        let id = event.id.0;
        let record = record(stream, event, wave, event_type, &self.schema_base_url);
        Departure { position: None, id, event: event_type.name, record, acknowledged: None }
    }

    /// Passes a record to the producer, or keeps it if it waits behind an unsent one. The span ends when the broker
    /// acknowledges the record. Returns false if the producer's queue is full.
    async fn depart(&mut self, departure: Departure, mut span: Span, in_flight: &mut InFlight) -> bool {
        let outcome = if self.blocked.contains(&departure.record) {
            self.keep(departure.id, &departure.record, None).await;
            Outcome::Kept
        } else {
            match self.publisher.send(outgoing_record(&departure.record)) {
                Ok(delivery) => {
                    let sent = async move {
                        let result = delivery.await;
                        if let Err(error) = &result {
                            span.fail(error);
                        }
                        Sent { departure, outcome: result.map_or_else(Outcome::Failed, Outcome::Acknowledged) }
                    };
                    in_flight.push_back(sent.boxed());
                    return true;
                }
                Err(SendError::QueueFull) => return false,
                Err(SendError::Kafka(error)) => Outcome::Failed(error.into()),
            }
        };
        in_flight.push_back(ready(Sent { departure, outcome }).boxed());
        true
    }

    fn resend_span(&self, event: &StoredEvent, topic: &str) -> Span {
        let parent = event.publication.as_ref().map(|publication| Trace::from_text(&publication.trace));
        let parent = parent.unwrap_or_default();
        if parent.is_some() { self.spans.resend(topic, &parent) } else { Span::none(&parent) }
    }

    /// The type of an event, if this service owns it. Defence in depth: the types already rule out anything else.
    fn own_event(&self, event: &StoredEvent) -> Option<&'static EventType> {
        self.owned.iter().find(|owned| owned.name == event.name)
    }

    async fn store_cursor(&mut self) {
        let Some(position) = self.published.unstored() else { return };
        match self.store.advance_cursor(position).await {
            Ok(()) => self.published.set_stored(position),
            // The events are published again after a restart, and recognized as duplicates.
            Err(error) => warn!(%error, "failed to store the cursor of the outbox"),
        }
    }
}

pub(super) fn outgoing_record(record: &RecordData) -> Outgoing<'_> {
    let RecordData { topic, key, headers, payload } = record;
    Outgoing { topic, partition: None, key: key.as_deref(), headers, payload }
}

/// Waits without a limit on attempts, because a committed event must be published.
fn backoff() -> impl Iterator<Item = Duration> {
    let builder = ExponentialBuilder::default().with_min_delay(BACKOFF_MIN).with_max_delay(BACKOFF_MAX);
    builder.with_jitter().without_max_times().build()
}
