//! Publishes the outbox: in order, each record until the broker has it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use cloudevent::EventType;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesOrdered};
use messaging::{DeliveryError, Producer, SendError};
use store::{EventStore, OutboxRow, Store as _};
use telemetry::{KeyValue, Metrics, Span, Spans, TRACEPARENT, TRACESTATE, Trace};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, warn};

use crate::{
    planted::{self, Bug, Point},
    publish::{Backlog, Linger, Throttle},
    work_queue::Feed,
};

/// Records sent and not yet acknowledged.
const IN_FLIGHT_MAX: usize = 10_000;
/// How long acknowledged rows wait for a transaction that takes them along, before they get one of their own.
const FORGET_AFTER: Duration = Duration::from_millis(200);
/// The longest wait before publishing is tried again.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Positions that the broker has and the store may forget. The next transaction takes them along, so that an order's
/// next step never waits for the disk because of them.
#[derive(Clone, Default)]
pub(crate) struct Published(Arc<Mutex<Vec<i64>>>);

impl Published {
    pub(crate) fn take(&self) -> Vec<i64> {
        std::mem::take(&mut self.0.lock().expect("nobody panics while holding it"))
    }

    /// After a transaction that was to take them along failed.
    pub(crate) fn give_back(&self, positions: Vec<i64>) {
        self.0.lock().expect("nobody panics while holding it").extend(positions);
    }

    fn add(&self, position: i64, event: &'static str) {
        planted::point(Point::AfterPublish, || vec![event.to_owned()]);
        self.0.lock().expect("nobody panics while holding it").push(position);
    }
}

/// A record to publish, with the span that ends when it is. One that was read from the store has none.
pub(crate) struct Outgoing {
    pub(crate) row: OutboxRow,
    pub(crate) span: Option<Span>,
}

pub(crate) struct Relay {
    pub(crate) feed: Feed<Outgoing>,
    pub(crate) spans: Spans,
    pub(crate) producer: Producer,
    pub(crate) published: Published,
    pub(crate) store: EventStore,
    pub(crate) metrics: Arc<Metrics>,
    /// The service's own events are the only ones it may publish.
    /// Event types that the service may publish.
    pub(crate) owned: &'static [EventType],
    pub(crate) dead_letter_topic: String,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) throttle: Throttle,
    pub(crate) pace: Linger,
    /// The next record, and when its turn is: its event's bucket was empty, or it waits for others to go out with.
    pub(crate) held: Option<(Outgoing, Instant)>,
}

type InFlight = FuturesOrdered<BoxFuture<'static, Sent>>;

/// What became of a record.
struct Sent {
    position: i64,
    event: &'static str,
    result: Result<(), DeliveryError>,
}

/// Why sending stopped.
enum Stopped {
    /// Nothing more will come, and all of it is acknowledged.
    Finished,
    /// This position and what came after it must be sent again.
    Failed(i64, DeliveryError),
}

impl Relay {
    /// Publishes until nothing more is offered and all of it is acknowledged.
    pub(crate) async fn run(mut self) {
        let mut backoff = backoff();
        while let Stopped::Failed(position, error) = self.send_all().await {
            warn!(%error, position, "publishing failed; it goes on from this position");
            self.forget_published().await;
            self.held = None;
            self.feed.rewind(if planted::is(Bug::SkipUnsent) { position } else { position - 1 });
            sleep(backoff.next().unwrap_or(BACKOFF_MAX)).await;
            if let Err(error) = self.producer.rebuild() {
                error!(%error, "the producer can't be made anew");
            }
        }
        self.forget_published().await;
    }

    async fn send_all(&mut self) -> Stopped {
        let mut in_flight = InFlight::new();
        let mut forget = tokio::time::interval(FORGET_AFTER);
        let mut more = true;
        while more || !in_flight.is_empty() || self.held.is_some() {
            let turn = self.held.as_ref().map(|(_, turn)| *turn);
            tokio::select! {
                Some(sent) = in_flight.next() => match sent.result {
                    Ok(()) => {
                        self.published.add(sent.position, sent.event);
                        self.backlog.remove_one();
                        self.metrics.published.add(1, &[KeyValue::new("event", sent.event)]);
                    }
                    Err(error) => return Stopped::Failed(sent.position, error),
                },
                () = sleep_until(turn.unwrap_or_else(Instant::now)), if turn.is_some() => {
                    if let Some((row, _)) = self.held.take() && let Err(stopped) = self.send_ready(row, &mut in_flight) {
                        return stopped;
                    }
                }
                row = self.feed.next(), if more && turn.is_none() && in_flight.len() < IN_FLIGHT_MAX => match row {
                    Ok(Some(row)) => if let Err(stopped) = self.take(row, &mut in_flight) {
                        return stopped;
                    },
                    Ok(None) => more = false,
                    Err(error) => {
                        error!(%error, "the outbox can't be read");
                        sleep(BACKOFF_MAX).await;
                    }
                },
                _ = forget.tick() => self.forget_published().await,
            }
        }
        Stopped::Finished
    }

    /// Sends this row, or holds it until others have gathered.
    fn take(&mut self, row: Outgoing, in_flight: &mut InFlight) -> Result<(), Stopped> {
        let Some(wait) = self.pace.gather() else { return self.send_ready(row, in_flight) };
        self.held = Some((row, Instant::now() + wait));
        Ok(())
    }

    /// Sends this row and those that are there without waiting.
    fn send_ready(&mut self, first: Outgoing, in_flight: &mut InFlight) -> Result<(), Stopped> {
        let mut next = Some(first);
        while let Some(outgoing) = next {
            let position = outgoing.row.position;
            let event = self.allowed(&outgoing.row);
            if let Some(wait) = event.and_then(|event| self.throttle.wait(event)) {
                self.metrics.throttled.add(1, &[KeyValue::new("event", event.unwrap_or_default())]);
                self.held = Some((outgoing, Instant::now() + wait));
                return Ok(());
            }
            match self.send(outgoing, event, in_flight) {
                Ok(()) => self.pace.count(),
                // What was sent before is on its way; its acknowledgements make room.
                Err(SendError::QueueFull) => {
                    self.feed.rewind(position - 1);
                    return Ok(());
                }
                Err(SendError::Kafka(error)) => return Err(Stopped::Failed(position, error.into())),
            }
            next = if in_flight.len() < IN_FLIGHT_MAX { self.feed.try_next() } else { None };
        }
        Ok(())
    }

    fn send(&self, outgoing: Outgoing, event: Option<&'static str>, in_flight: &mut InFlight) -> Result<(), SendError> {
        let Outgoing { row, span } = outgoing;
        let Some(event) = event else {
            let (topic, position) = (&row.record.topic, row.position);
            error!(topic, position, "not published, and kept: the service may not publish this");
            return Ok(());
        };
        planted::point(Point::BeforePublish, || vec![event.to_owned()]);
        let is_renamed = planted::is(Bug::NewIdOnResend) && span.is_none();
        let row = if is_renamed { planted::under_new_id(row) } else { row };
        let record = &row.record;
        let (topic, key, headers, payload) = (&record.topic, record.key.as_deref(), &record.headers, &record.payload);
        let delivery = self.producer.send(messaging::Outgoing { topic, partition: None, key, headers, payload })?;
        let position = row.position;
        if planted::is(Bug::MarkBeforeAck) {
            self.published.add(position, event);
        }
        let mut span = span.unwrap_or_else(|| self.resend_span(&row));
        let sent = async move {
            let result = delivery.acknowledged().await;
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

    /// The last look before a fact goes out: only its owner may publish it, on its own topic. That the types allow
    /// nothing else is no reason not to look. Gives the event's name.
    fn allowed(&self, row: &OutboxRow) -> Option<&'static str> {
        if row.record.topic == self.dead_letter_topic {
            return Some("dead letter");
        }
        let (_, ce_type) = row.record.headers.iter().find(|(name, _)| name == "ce_type")?;
        let ce_type = std::str::from_utf8(ce_type).ok()?;
        let event = self.owned.iter().find(|event| event.is(ce_type))?;
        (row.record.topic == event.topic).then_some(event.name)
    }

    async fn forget_published(&mut self) {
        let positions = self.published.take();
        if positions.is_empty() {
            return;
        }
        planted::point(Point::BeforeMark, Vec::new);
        if let Err(error) = self.store.delete_published(positions).await {
            // They will be published once more after a restart, and recognized.
            warn!(%error, "published rows stay in the outbox");
        }
        planted::point(Point::AfterMark, Vec::new);
    }
}

/// Waits between attempts; there is no last one, for a fact that happened must be published.
fn backoff() -> impl Iterator<Item = Duration> {
    let builder = ExponentialBuilder::default().with_min_delay(Duration::from_millis(50));
    builder.with_max_delay(BACKOFF_MAX).with_jitter().without_max_times().build()
}
