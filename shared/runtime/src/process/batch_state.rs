//! The state of a batch while its transaction runs: streams, and the rows to write.

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

use crate::{
    call::StoredCall,
    consume::event_attributes,
    input::{Cause, Failure},
    process::{
        disposition::Disposition,
        publish_context::PublishContext,
        snapshot::{self, RebuildError},
        stream::Stream,
        stream_cache::StreamCache,
    },
};

/// Everything that a transaction builds up. A restart discards it.
pub(super) struct BatchState<S: Service> {
    /// Boxed, because they move between here and the cache.
    pub(super) streams: HashMap<StreamId, Box<Stream<S>>>,
    /// Streams whose log this build cannot read.
    pub(super) unreadable: HashMap<StreamId, Failure>,
    /// Streams to be rebuilt from all events, because their snapshot is unreadable.
    pub(super) without_snapshot: HashSet<StreamId>,
    pub(super) dispositions: Vec<Disposition>,
    /// Indexes of inputs that were processed before.
    pub(super) duplicates: HashSet<usize>,
    /// Index of the next input; `None` until the inbox has been read.
    pub(super) next: Option<usize>,
    /// Index of the input in progress, which is at fault if the decider panics.
    pub(super) current: usize,
    pub(super) decided: HashMap<usize, Vec<S::Event>>,
    pub(super) outbox: Vec<NewOutboxRow>,
    /// One for each row of the outbox; `None` for a dead letter.
    pub(super) sends: Vec<Option<Span>>,
    pub(super) intents: Vec<NewIntent>,
    pub(super) parked: Vec<NewParked>,
    pub(super) rescheduled: Vec<Rescheduled>,
    /// Positions of parked records that are done.
    pub(super) resolved: Vec<i64>,
    pub(super) metrics: Vec<(&'static str, SagaMetric)>,
}

impl<S: Service> Default for BatchState<S> {
    fn default() -> Self {
        Self {
            streams: HashMap::new(),
            unreadable: HashMap::new(),
            without_snapshot: HashSet::new(),
            dispositions: Vec::new(),
            duplicates: HashSet::new(),
            next: None,
            current: 0,
            decided: HashMap::new(),
            outbox: Vec::new(),
            sends: Vec::new(),
            intents: Vec::new(),
            parked: Vec::new(),
            rescheduled: Vec::new(),
            resolved: Vec::new(),
            metrics: Vec::new(),
        }
    }
}

impl<S: Service> BatchState<S> {
    /// The streams that a decision on the command needs, as far as the loaded streams determine them.
    pub(super) fn streams_for(&self, command: &S::Command) -> Vec<StreamId> {
        let first = S::streams(command, &S::initial());
        let all_loaded = first.iter().all(|stream| self.streams.contains_key(stream));
        if all_loaded { S::streams(command, &self.view(&first)) } else { first }
    }

    /// Adds a loaded stream: the cached one with newer events, or the whole stream. Notes a failure to read it. A stream with
    /// an unreadable snapshot is not added; it is to be loaded again without the snapshot.
    pub(super) fn add_stream(&mut self, id: StreamId, cached: Option<Box<Stream<S>>>, stored: &StoredStream) {
        let read = || match cached {
            Some(cached) => cached.apply_newer(stored).map_err(RebuildError::from),
            None => Stream::read(stored).map(Box::new),
        };
        let read = match catch_unwind(AssertUnwindSafe(read)) {
            Err(panic) => Err(Failure::panic(&*panic)),
            Ok(Err(RebuildError::Snapshot)) => {
                snapshot::warn_of_unreadable(&id);
                self.without_snapshot.insert(id);
                return;
            }
            Ok(Err(RebuildError::Log(error))) => Err(Failure::from(error)),
            Ok(Ok(stream)) => Ok(stream),
        };
        match read {
            Ok(stream) => drop(self.streams.insert(id, stream)),
            Err(failure) => {
                self.unreadable.insert(id.clone(), failure);
                self.streams.insert(id, Box::default());
            }
        }
    }

    /// Moves the streams that exist and are readable to the cache.
    pub(super) fn keep_streams(&mut self, cache: &mut StreamCache<S>) {
        for (id, stream) in self.streams.drain() {
            if stream.stored_version > 0 && !self.unreadable.contains_key(&id) {
                cache.keep(id, stream);
            }
        }
    }

    /// State of several streams together.
    pub(super) fn view(&self, streams: &[StreamId]) -> Cow<'_, S::State> {
        let states = || streams.iter().filter_map(|id| self.streams.get(id)).map(|stream| &stream.state);
        match streams {
            [only] if self.streams.contains_key(only) => Cow::Borrowed(&self.streams[only].state),
            _ => Cow::Owned(S::merge(states().collect())),
        }
    }

    /// Correlation id of the first stream, which is the one that the command is about.
    pub(super) fn correlation_id(&self, streams: &[StreamId]) -> Option<CorrelationId> {
        self.streams.get(streams.first()?)?.correlation_id
    }

    /// The trace that the events continue. A later request or a timer continues the trace in which the stream started, so
    /// that a saga has one trace.
    pub(super) fn trace(&self, streams: &[StreamId], cause: &Cause) -> Trace {
        let start = streams.first().and_then(|stream| self.streams.get(stream)).map(|stream| stream.trace.clone());
        let start = start.unwrap_or_default();
        if cause.event_id.is_none() { start.or(cause.trace.clone()) } else { cause.trace.clone() }
    }

    /// Appends an event to its stream, with its outbox row and its provider call.
    pub(super) fn append(&mut self, event: &S::Event, context: &AppendContext<'_>, publish: &PublishContext) {
        let id = EventId(Uuid::now_v7());
        let (name, schema, data) = event.encode();
        let AppendContext { cause, correlation_id, now, .. } = *context;
        let stream = self.streams.entry(S::stream_of(event).unwrap_or_else(|| context.stream.clone())).or_default();
        // Another instance may have chosen its time later than this one, and committed earlier. Times within a stream
        // never decrease.
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
            let span = publish.spans.send(event_attributes(&meta), meta.event_type.topic, &context.trace, &cause.trace);
            self.outbox.push(outbox_row(&meta, &data, &publish.schema_base_url, span.trace()));
            self.sends.push(Some(span));
        }
        if let Some(intent) = S::intent(event) {
            let trace = context.trace.clone();
            let call =
                StoredCall { cause: Cause { correlation_id: Some(correlation_id), trace, ..cause.clone() }, intent };
            let body = serde_json::to_string(&call).expect("intents have string keys only");
            self.intents.push(NewIntent { event_id: id, body });
        }
        stream.state = S::evolve(std::mem::take(&mut stream.state), event);
        stream.correlation_id.get_or_insert(correlation_id);
        if !stream.trace.is_some() {
            stream.trace = context.trace.clone();
        }
        self.metrics.extend(S::metric(&stream.state, event).map(|metric| (name, metric)));
        let causation_id = cause.event_id;
        stream.appended.push(NewEvent { id, name, schema, data, time, correlation_id, causation_id });
    }
}

/// The circumstances under which events are appended.
pub(super) struct AppendContext<'a> {
    /// The stream that the command is about.
    pub(super) stream: &'a StreamId,
    pub(super) cause: &'a Cause,
    pub(super) correlation_id: CorrelationId,
    pub(super) trace: Trace,
    pub(super) now: Timestamp,
}

fn outbox_row(meta: &Meta, data: &str, schema_base_url: &str, trace: &Trace) -> NewOutboxRow {
    let header = |(name, value): (&str, String)| (name.to_owned(), Bytes::from(value));
    let baggage = (BAGGAGE, format!("correlation_id={}", meta.correlation_id));
    let headers = cloudevent::headers(meta, schema_base_url).into_iter().chain(trace.headers()).chain([baggage]);
    NewOutboxRow {
        topic: meta.event_type.topic.to_owned(),
        key: Some(Bytes::from(meta.subject.to_string())),
        headers: headers.map(header).collect(),
        payload: Bytes::copy_from_slice(data.as_bytes()),
    }
}
