//! The state of a batch while its transaction runs: streams, and the rows to write.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use cloudevent::{Contract as _, CorrelationId, EventId};
use decider::{LogEvent, SagaMetric, Service, StreamId};
use jiff::Timestamp;
use store::{DeadLetter, NewIntent, NewParked, Publication, Replay, Rescheduled, StoredEvent, StoredStream};
use telemetry::{EventAttributes, Span, Trace};
use uuid::Uuid;

use crate::{
    call::StoredCall,
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
    /// Messages in the inbox of an older version, which are processed.
    pub(super) old_inbox: HashSet<Uuid>,
    /// Index of the next input; `None` until the first step.
    pub(super) next: Option<usize>,
    /// Index of the input in progress, which is at fault if the decider panics.
    pub(super) current: usize,
    pub(super) decided: HashMap<usize, Vec<S::Event>>,
    /// The spans of the public events, in the order in which their streams are written.
    pub(super) sends: Vec<Span>,
    pub(super) dead_letters: Vec<DeadLetter>,
    /// Ids of dead letters that were redriven or discarded.
    pub(super) redriven: Vec<Uuid>,
    pub(super) intents: Vec<NewIntent>,
    pub(super) parked: Vec<NewParked>,
    pub(super) rescheduled: Vec<Rescheduled>,
    /// Positions of parked records that are done.
    pub(super) resolved: Vec<i64>,
    pub(super) replays: Vec<Replay>,
    pub(super) has_replays: bool,
    /// Indexes of inputs whose stream joined their wave.
    pub(super) joined: HashSet<usize>,
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
            old_inbox: HashSet::new(),
            next: None,
            current: 0,
            decided: HashMap::new(),
            sends: Vec::new(),
            dead_letters: Vec::new(),
            redriven: Vec::new(),
            intents: Vec::new(),
            parked: Vec::new(),
            rescheduled: Vec::new(),
            resolved: Vec::new(),
            replays: Vec::new(),
            has_replays: false,
            joined: HashSet::new(),
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
            if stream.is_stored() && !self.unreadable.contains_key(&id) {
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
        self.streams.get(streams.first()?)?.correlation_id()
    }

    /// The trace that the events continue. A later request or a timer continues the trace in which the stream started, so
    /// that a saga has one trace.
    pub(super) fn trace(&self, streams: &[StreamId], cause: &Cause) -> Trace {
        let start = streams.first().and_then(|stream| self.streams.get(stream)).map(|stream| stream.trace().clone());
        let start = start.unwrap_or_default();
        if cause.event_id.is_none() { start.or(cause.trace.clone()) } else { cause.trace.clone() }
    }

    /// Returns whether the stream that a command is about has processed this message.
    pub(super) fn has_processed(&self, message: Uuid, stream: &StreamId) -> bool {
        self.old_inbox.contains(&message)
            || self.streams.get(stream).is_some_and(|stream| stream.has_processed(message))
    }

    /// Lets a stream join a wave, so that its public events are published again. Returns whether it joined.
    pub(super) fn join_wave(&mut self, id: &StreamId, wave: Uuid) -> bool {
        let joins = self.streams.get_mut(id).is_some_and(|stream| stream.join_wave(wave));
        if joins {
            self.replays.push(Replay { stream: id.clone(), wave });
            self.has_replays = true;
        }
        joins
    }

    /// Appends an event to its stream, with its provider call.
    ///
    /// # Panics
    /// A public event is not about the thing that its stream is about.
    pub(super) fn append(&mut self, event: &S::Event, context: &AppendContext<'_>, publish: &PublishContext) {
        let id = EventId(Uuid::now_v7());
        let (name, schema, data) = event.encode();
        let AppendContext { cause, correlation_id, now, .. } = *context;
        let stream_id = S::stream_of(event).unwrap_or_else(|| context.stream.clone());
        let stream = self.streams.entry(stream_id.clone()).or_default();
        // Another instance may have chosen its time later than this one, and committed earlier. Times within a stream
        // never decrease.
        stream.time = stream.time.max(now);
        let (time, version) = (stream.time, stream.next_version());
        let mut send = None;
        let mut publication = None;
        if let LogEvent::Public(event) = event {
            // The relay derives the subject from the stream, and the sequence counts the events of the stream.
            assert_eq!(event.subject().as_str(), stream_id.id(), "the subject of {name} is not that of its stream");
            let attributes = EventAttributes {
                event: name,
                message_id: &id,
                subject: &stream_id.id(),
                correlation_id: &correlation_id,
            };
            let span = publish.spans.send(attributes, event.event_type().topic, &context.trace, &cause.trace);
            let (sequence, hops, trace) = (stream.next_sequence(), cause.hops, span.trace().to_string());
            publication = Some(Publication { sequence, hops, trace });
            send = Some(span);
        }
        if let Some(intent) = S::intent(event) {
            let trace = context.trace.clone();
            let call =
                StoredCall { cause: Cause { correlation_id: Some(correlation_id), trace, ..cause.clone() }, intent };
            let body = serde_json::to_string(&call).expect("intents have string keys only");
            self.intents.push(NewIntent { event_id: id, body });
        }
        stream.state = S::evolve(std::mem::take(&mut stream.state), event);
        self.metrics.extend(S::metric(&stream.state, event).map(|metric| (name, metric)));
        let (name, schema, causation_id) = (Cow::Borrowed(name), Cow::Borrowed(schema), cause.event_id);
        let stored = StoredEvent { version, id, name, schema, data, time, correlation_id, causation_id, publication };
        stream.append(stored, send, &context.trace);
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
