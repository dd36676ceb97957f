//! What a transaction builds up while it runs: streams, and what is to be written.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;
use cloudevent::{Contract, CorrelationId, EventId, Meta};
use decider::{LogEvent, SagaMetric, Service, StreamId};
use jiff::Timestamp;
use store::{NewEvent, NewIntent, NewOutboxRow, NewParked, Rescheduled, StoredStream};
use telemetry::{BAGGAGE, Span, Trace};
use uuid::Uuid;

use super::{batch::PublishContext, disposition::Disposition, stream::Stream, stream_cache::Cache};
use crate::{
    call::Call,
    consume::about,
    input::{Cause, Failure},
    planted::{self, Bug},
};

/// What is built up while the transaction runs, and thrown away when it starts over.
pub(super) struct Work<S: Service> {
    /// Boxed: they move from the cache and back.
    pub(super) streams: HashMap<StreamId, Box<Stream<S>>>,
    /// Streams whose log this build can't read.
    pub(super) unreadable: HashMap<StreamId, Failure>,
    pub(super) dispositions: Vec<Disposition>,
    pub(super) handled_before: HashSet<usize>,
    /// The next input to decide; `None` until the inbox has answered.
    pub(super) next: Option<usize>,
    /// The input that is worked on, for the case that it panics.
    pub(super) current: usize,
    pub(super) decided: HashMap<usize, Vec<S::Event>>,
    pub(super) outbox: Vec<NewOutboxRow>,
    /// One for each row of the outbox; none for a dead letter.
    pub(super) sends: Vec<Option<Span>>,
    pub(super) intents: Vec<NewIntent>,
    pub(super) parked: Vec<NewParked>,
    pub(super) rescheduled: Vec<Rescheduled>,
    pub(super) resolved: Vec<i64>,
    pub(super) metrics_emitted: Vec<(&'static str, SagaMetric)>,
}

impl<S: Service> Default for Work<S> {
    fn default() -> Self {
        Self {
            streams: HashMap::new(),
            unreadable: HashMap::new(),
            dispositions: Vec::new(),
            handled_before: HashSet::new(),
            next: None,
            current: 0,
            decided: HashMap::new(),
            outbox: Vec::new(),
            sends: Vec::new(),
            intents: Vec::new(),
            parked: Vec::new(),
            rescheduled: Vec::new(),
            resolved: Vec::new(),
            metrics_emitted: Vec::new(),
        }
    }
}

impl<S: Service> Work<S> {
    /// The streams that a command is decided on, as far as is known from those that are loaded.
    pub(super) fn streams_for(&self, command: &S::Command) -> Vec<StreamId> {
        let first = S::streams(command, &S::initial());
        let all_loaded = first.iter().all(|stream| self.streams.contains_key(stream));
        if all_loaded { S::streams(command, &self.view(&first)) } else { first }
    }

    /// Keeps a stream as it was known and what was stored since, or why it can't be read.
    pub(super) fn loaded(&mut self, id: StreamId, known: Option<Box<Stream<S>>>, stored: StoredStream) {
        let read = || match known {
            Some(known) => known.and_since(&stored),
            None => Stream::read(stored).map(Box::new),
        };
        let read = catch_unwind(AssertUnwindSafe(|| read().map_err(Failure::from)));
        match read.unwrap_or_else(|panic| Err(Failure::panic(&*panic))) {
            Ok(stream) => drop(self.streams.insert(id, stream)),
            Err(failure) => {
                self.unreadable.insert(id.clone(), failure);
                self.streams.insert(id, Box::default());
            }
        }
    }

    /// Hands over the streams that exist and could be read.
    pub(super) fn keep_streams(&mut self, cache: &mut Cache<S>) {
        for (id, stream) in self.streams.drain() {
            if stream.stored_version > 0 && !self.unreadable.contains_key(&id) {
                cache.keep(id, stream);
            }
        }
    }

    /// What is known of several streams, as one state.
    pub(super) fn view(&self, streams: &[StreamId]) -> Cow<'_, S::State> {
        let states = || streams.iter().filter_map(|id| self.streams.get(id)).map(|stream| &stream.state);
        match streams {
            [only] if self.streams.contains_key(only) => Cow::Borrowed(&self.streams[only].state),
            _ => Cow::Owned(S::merge(states().collect())),
        }
    }

    /// That of the first stream: the one that the command is about.
    pub(super) fn correlation_id(&self, streams: &[StreamId]) -> Option<CorrelationId> {
        self.streams.get(streams.first()?)?.correlation_id
    }

    /// Where the trace of what follows goes on. A request or a deadline that concerns an order goes on in the trace that
    /// the order began in, so that an order has one trace.
    pub(super) fn trace(&self, streams: &[StreamId], cause: &Cause) -> Trace {
        let began = streams.first().and_then(|stream| self.streams.get(stream)).map(|stream| stream.trace.clone());
        let began = began.unwrap_or_default();
        if cause.event_id.is_none() { began.or(cause.trace.clone()) } else { cause.trace.clone() }
    }

    pub(super) fn append(&mut self, event: &S::Event, context: &Context<'_>, outlet: &PublishContext) {
        let id = EventId(Uuid::now_v7());
        let (name, schema, data) = event.encode();
        let Context { cause, correlation_id, now, .. } = *context;
        let stream = self.streams.entry(S::stream_of(event).unwrap_or_else(|| context.stream.clone())).or_default();
        // Another instance may have chosen its time later than this one, and committed earlier. What an event follows is
        // never after it.
        stream.time = stream.time.max(now);
        let time = stream.time;
        if let LogEvent::Public(event) = event {
            let meta = Meta {
                id,
                event_type: event.event_type(),
                subject: event.subject(),
                time,
                correlation_id,
                causation_id: cause.event_id,
                hops: cause.hops,
            };
            let span = outlet.spans.send(about(&meta), S::Public::TOPIC, &context.trace, &cause.trace);
            self.outbox.push(outbox_row::<S>(&meta, &data, &outlet.schema_base_url, span.trace()));
            self.sends.push(Some(span));
        }
        if let Some(intent) = S::intent(event) {
            let trace = context.trace.clone();
            let call = Call { cause: Cause { correlation_id: Some(correlation_id), trace, ..cause.clone() }, intent };
            let body = serde_json::to_string(&call).expect("an intent has string keys only");
            self.intents.push(NewIntent { event_id: id, body });
        }
        stream.state = S::evolve(std::mem::take(&mut stream.state), event);
        stream.correlation_id.get_or_insert(correlation_id);
        if !stream.trace.is_some() {
            stream.trace = context.trace.clone();
        }
        self.metrics_emitted.extend(S::metric(&stream.state, event).map(|milestone| (name, milestone)));
        let causation_id = cause.event_id;
        stream.appended.push(NewEvent { id, name, schema, data, time, correlation_id, causation_id });
    }
}

/// Why and when events are appended.
pub(super) struct Context<'a> {
    /// The stream that the command is about.
    pub(super) stream: &'a StreamId,
    pub(super) cause: &'a Cause,
    pub(super) correlation_id: CorrelationId,
    pub(super) trace: Trace,
    pub(super) now: Timestamp,
}

fn outbox_row<S: Service>(meta: &Meta, data: &str, schema_base_url: &str, trace: &Trace) -> NewOutboxRow {
    let header = |(name, value): (&str, String)| (name.to_owned(), Bytes::from(value));
    let baggage = (BAGGAGE, format!("correlation_id={}", meta.correlation_id));
    let trace = trace.headers().filter(|_| !planted::is(Bug::LoseTrace));
    let headers = cloudevent::headers(meta, schema_base_url).into_iter().chain(trace).chain([baggage]);
    let key = if planted::is(Bug::WrongKey) { meta.id.to_string() } else { meta.subject.to_string() };
    NewOutboxRow {
        topic: S::Public::TOPIC.to_owned(),
        key: Some(Bytes::from(key)),
        headers: headers.map(header).collect(),
        payload: Bytes::copy_from_slice(data.as_bytes()),
    }
}
