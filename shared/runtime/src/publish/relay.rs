//! Publishes the log in order, and retries each record until the broker has it. Publishes dead letters, too.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use cloudevent::EventType;
use decider::StreamId;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use messaging::{Acknowledged, DeliveryError, Outgoing, SendError};
use store::{LogEntry, RecordData, Store, StoredEvent};
use telemetry::{KeyValue, Metrics, Span, Spans, Trace};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, sleep_until},
};
use tracing::{error, warn};
use uuid::Uuid;

use crate::{
    publish::{
        backlog::Backlog,
        linger::Linger,
        outgoing::{OutgoingEvent, Published},
        publisher::Publisher,
        record::record,
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
/// Maximum dead letters published together.
const DEAD_LETTERS_MAX: usize = 100;
/// First wait before the relay retries.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
/// Maximum wait before the relay retries.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

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
    pub(crate) linger: Linger,
    /// The next record and the time to send it: it is throttled, or lingers until others have gathered.
    pub(crate) delayed: Option<(OutgoingEvent, Instant)>,
}

type InFlight = FuturesOrdered<BoxFuture<'static, Sent>>;

/// The delivery of a record.
struct Sent {
    /// `None` for an event that is published again.
    position: Option<i64>,
    event: &'static str,
    result: Result<Acknowledged, DeliveryError>,
}

/// The reason why sending stopped.
enum Stopped {
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
        let notify = Arc::clone(&self.dead_letters);
        let mut more = true;
        while more || !in_flight.is_empty() || self.delayed.is_some() {
            let send_at = self.delayed.as_ref().map(|(_, send_at)| *send_at);
            tokio::select! {
                Some(sent) = in_flight.next() => if let Err(stopped) = self.acknowledge(sent) {
                    return stopped;
                },
                () = sleep_until(send_at.unwrap_or_else(Instant::now)), if send_at.is_some() => {
                    if let Some((event, _)) = self.delayed.take()
                        && let Err(stopped) = self.send_ready(event, &mut in_flight)
                    {
                        return stopped;
                    }
                }
                event = self.queue.next(), if more && send_at.is_none() && in_flight.len() < IN_FLIGHT_MAX => match event {
                    Ok(Some(event)) => if let Err(stopped) = self.send_or_delay(event, &mut in_flight) {
                        return stopped;
                    },
                    Ok(None) => more = false,
                    Err(error) => {
                        error!(%error, "failed to read the log, retrying");
                        sleep(BACKOFF_MAX).await;
                    }
                },
                Some(replayed) = self.replays.recv(), if more && in_flight.len() < IN_FLIGHT_MAX => {
                    if let Err(stopped) = self.send_again(replayed, &mut in_flight) {
                        return stopped;
                    }
                }
                _ = cursor.tick() => self.store_cursor().await,
                () = notify.notified() => self.publish_dead_letters().await,
                _ = dead_letters.tick() => self.publish_dead_letters().await,
            }
        }
        Stopped::Finished
    }

    fn acknowledge(&self, sent: Sent) -> Result<(), Stopped> {
        let Sent { position, event, result } = sent;
        let place = result.map_err(|error| Stopped::Failed(position, error))?;
        self.published.observe(place);
        if let Some(position) = position {
            self.published.acknowledge(position);
            self.backlog.remove_one();
        }
        let counter = if position.is_some() { &self.metrics.published } else { &self.metrics.replayed };
        counter.add(1, &[KeyValue::new("event", event)]);
        Ok(())
    }

    /// Sends this record, or delays it until others have gathered.
    fn send_or_delay(&mut self, event: OutgoingEvent, in_flight: &mut InFlight) -> Result<(), Stopped> {
        let Some(delay) = self.linger.delay() else { return self.send_ready(event, in_flight) };
        self.delayed = Some((event, Instant::now() + delay));
        Ok(())
    }

    /// Sends this record and all that are available without waiting.
    fn send_ready(&mut self, first: OutgoingEvent, in_flight: &mut InFlight) -> Result<(), Stopped> {
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
                return Ok(());
            }
            match self.send(outgoing, event, in_flight) {
                Ok(()) => self.linger.count(),
                // Acknowledgements of records in flight make room.
                Err(SendError::QueueFull) => {
                    self.queue.rewind(position - 1);
                    return Ok(());
                }
                Err(SendError::Kafka(error)) => return Err(Stopped::Failed(Some(position), error.into())),
            }
            next = if in_flight.len() < IN_FLIGHT_MAX { self.queue.try_next() } else { None };
        }
        Ok(())
    }

    fn send(
        &self,
        outgoing: OutgoingEvent,
        event_type: &'static EventType,
        in_flight: &mut InFlight,
    ) -> Result<(), SendError> {
        let OutgoingEvent { entry: LogEntry { position, stream, event }, span } = outgoing;
        let delivery = self.deliver(&stream, event, event_type, span, None)?;
        let sent = async move { Sent { position: Some(position), event: event_type.name, result: delivery.await } };
        in_flight.push_back(sent.boxed());
        Ok(())
    }

    /// Sends an event again. If it cannot be sent, its replay starts again.
    fn send_again(&self, replayed: ReplayedEvent, in_flight: &mut InFlight) -> Result<(), Stopped> {
        let ReplayedEvent { stream, event, wave, acknowledged } = replayed;
        let Some(event_type) = self.own_event(&event) else { return Ok(()) };
        let delivery = match self.deliver(&stream, event, event_type, None, Some(wave)) {
            Ok(delivery) => delivery,
            Err(SendError::QueueFull) => return Ok(()),
            Err(SendError::Kafka(error)) => return Err(Stopped::Failed(None, error.into())),
        };
        let sent = async move {
            let result = delivery.await;
            if result.is_ok() {
                // The replayer may have been stopped.
                let _ = acknowledged.send(());
            }
            Sent { position: None, event: event_type.name, result }
        };
        in_flight.push_back(sent.boxed());
        Ok(())
    }

    /// Passes the record of an event to the producer. The span ends when the broker acknowledges the record.
    fn deliver(
        &self,
        stream: &StreamId,
        event: StoredEvent,
        event_type: &'static EventType,
        span: Option<Span>,
        wave: Option<Uuid>,
    ) -> Result<impl Future<Output = Result<Acknowledged, DeliveryError>> + Send + use<P, D>, SendError> {
        let mut span = span.unwrap_or_else(|| self.resend_span(&event, event_type.topic));
        let record = record(stream, event, wave, event_type, &self.schema_base_url);
        let delivery = self.publisher.send(outgoing_record(&record))?;
        Ok(async move {
            let result = delivery.await;
            if let Err(error) = &result {
                span.fail(error);
            }
            result
        })
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

    /// Publishes waiting dead letters, while this instance leads. Those that fail are retried at the next call.
    async fn publish_dead_letters(&mut self) {
        if !self.queue.is_leader() {
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
        let mut published = Vec::with_capacity(letters.len());
        for letter in letters {
            match self.publisher.send(outgoing_record(&letter.record)) {
                Ok(delivery) => published.push((letter.id, delivery)),
                Err(error) => {
                    warn!(%error, "failed to publish a dead letter, retrying");
                    break;
                }
            }
        }
        let mut ids = Vec::with_capacity(published.len());
        for (id, delivery) in published {
            match delivery.await {
                Ok(_) => ids.push(id),
                Err(error) => warn!(%error, "failed to publish a dead letter, retrying"),
            }
        }
        self.metrics.published.add(ids.len() as u64, &[KeyValue::new("event", "dead letter")]);
        if let Err(error) = self.store.mark_published(ids).await {
            warn!(%error, "failed to mark dead letters as published");
        }
    }
}

fn outgoing_record(record: &RecordData) -> Outgoing<'_> {
    let RecordData { topic, key, headers, payload } = record;
    Outgoing { topic, partition: None, key: key.as_deref(), headers, payload }
}

/// Waits without a limit on attempts, because a committed event must be published.
fn backoff() -> impl Iterator<Item = Duration> {
    let builder = ExponentialBuilder::default().with_min_delay(BACKOFF_MIN).with_max_delay(BACKOFF_MAX);
    builder.with_jitter().without_max_times().build()
}
