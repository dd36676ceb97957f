//! Publishes the outbox in order, and retries each record until the broker has it.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use cloudevent::EventType;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use messaging::{DeliveryError, Outgoing, SendError};
use store::{OutboxRow, Store};
use telemetry::{KeyValue, Metrics, Span, Spans, TRACEPARENT, TRACESTATE, Trace};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, warn};

use crate::{
    publish::{
        backlog::Backlog,
        linger::Linger,
        outgoing::{OutgoingEvent, Published},
        publisher::Publisher,
        throttle::Throttle,
    },
    work_queue::WorkReceiver,
};

/// Maximum records sent and not yet acknowledged.
const IN_FLIGHT_MAX: usize = 10_000;
/// Acknowledged rows wait this long for a transaction that deletes them, before the relay does it.
const CLEANUP_INTERVAL: Duration = Duration::from_millis(200);
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
    pub(crate) dead_letter_topic: Option<String>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) throttle: Throttle,
    pub(crate) linger: Linger,
    /// The next record and the time to send it: it is throttled, or lingers until others have gathered.
    pub(crate) delayed: Option<(OutgoingEvent, Instant)>,
}

type InFlight = FuturesOrdered<BoxFuture<'static, Sent>>;

/// The delivery of a record.
struct Sent {
    position: i64,
    event: &'static str,
    result: Result<(), DeliveryError>,
}

/// The reason why sending stopped.
enum Stopped {
    /// The queue ended and all records are acknowledged.
    Finished,
    /// The record at this position and all later ones must be sent again.
    Failed(i64, DeliveryError),
}

impl<P: Publisher, D: Store> Relay<P, D> {
    /// Publishes until the queue ends and all records are acknowledged.
    pub(crate) async fn run(mut self) {
        let mut backoff = backoff();
        while let Stopped::Failed(position, error) = self.send_all().await {
            warn!(%error, position, "failed to publish, resending from this position");
            self.delete_published().await;
            self.delayed = None;
            self.queue.rewind(position - 1);
            sleep(backoff.next().unwrap_or(BACKOFF_MAX)).await;
            if let Err(error) = self.publisher.rebuild() {
                error!(%error, "failed to recreate producer");
            }
        }
        self.delete_published().await;
    }

    async fn send_all(&mut self) -> Stopped {
        let mut in_flight = InFlight::new();
        let mut cleanup = tokio::time::interval(CLEANUP_INTERVAL);
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
                        error!(%error, "failed to read the outbox, retrying");
                        sleep(BACKOFF_MAX).await;
                    }
                },
                _ = cleanup.tick() => self.delete_published().await,
            }
        }
        Stopped::Finished
    }

    fn acknowledge(&self, sent: Sent) -> Result<(), Stopped> {
        let Sent { position, event, result } = sent;
        result.map_err(|error| Stopped::Failed(position, error))?;
        self.published.add(position);
        self.backlog.remove_one();
        self.metrics.published.add(1, &[KeyValue::new("event", event)]);
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
            let position = outgoing.row.position;
            let event = self.own_event(&outgoing.row);
            if let Some(wait) = event.and_then(|event| self.throttle.wait(event)) {
                self.metrics.throttled.add(1, &[KeyValue::new("event", event.unwrap_or_default())]);
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
                Err(SendError::Kafka(error)) => return Err(Stopped::Failed(position, error.into())),
            }
            next = if in_flight.len() < IN_FLIGHT_MAX { self.queue.try_next() } else { None };
        }
        Ok(())
    }

    fn send(
        &self,
        outgoing: OutgoingEvent,
        event: Option<&'static str>,
        in_flight: &mut InFlight,
    ) -> Result<(), SendError> {
        let OutgoingEvent { row, span } = outgoing;
        let position = row.position;
        let record = &row.record;
        let Some(event) = event else {
            error!(topic = record.topic, position, "refusing to publish an event that this service does not own");
            return Ok(());
        };
        let delivery = self.publisher.send(Outgoing {
            topic: &record.topic,
            partition: None,
            key: record.key.as_deref(),
            headers: &record.headers,
            payload: &record.payload,
        })?;
        let mut span = span.unwrap_or_else(|| self.resend_span(&row));
        let sent = async move {
            let result = delivery.await;
            if let Err(error) = &result {
                span.fail(error);
            }
            Sent { position, event, result }
        };
        in_flight.push_back(sent.boxed());
        Ok(())
    }

    fn resend_span(&self, row: &OutboxRow) -> Span {
        let header = |wanted| row.record.headers.iter().find(|(name, _)| name == wanted);
        let text = |wanted| header(wanted).and_then(|(_, value)| std::str::from_utf8(value).ok());
        let parent = Trace::from_headers(text(TRACEPARENT), text(TRACESTATE));
        if parent.is_some() { self.spans.resend(&row.record.topic, &parent) } else { Span::none(&parent) }
    }

    /// The name of the row's event, if this service owns it and the row goes to its topic. Defence in depth: the types
    /// already rule out anything else.
    fn own_event(&self, row: &OutboxRow) -> Option<&'static str> {
        if Some(&row.record.topic) == self.dead_letter_topic.as_ref() {
            return Some("dead letter");
        }
        let (_, ce_type) = row.record.headers.iter().find(|(name, _)| name == "ce_type")?;
        let ce_type = std::str::from_utf8(ce_type).ok()?;
        let event = self.owned.iter().find(|event| event.is(ce_type))?;
        (row.record.topic == event.topic).then_some(event.name)
    }

    async fn delete_published(&mut self) {
        let positions = self.published.take();
        if positions.is_empty() {
            return;
        }
        if let Err(error) = self.store.delete_published(positions).await {
            // They are published again after a restart, and recognized as duplicates.
            warn!(%error, "failed to delete published rows from the outbox");
        }
    }
}

/// Waits without a limit on attempts, because a committed event must be published.
fn backoff() -> impl Iterator<Item = Duration> {
    let builder = ExponentialBuilder::default().with_min_delay(BACKOFF_MIN).with_max_delay(BACKOFF_MAX);
    builder.with_jitter().without_max_times().build()
}
