//! The pure part of a transaction: a batch of inputs against the streams they concern. The store runs it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    ops::Range,
};

use bytes::Bytes;
use contracts::{Contract, CorrelationId, EventId, Meta};
use decider::{LogError, Logged, Milestone, Service, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{
    Loaded, NewEvent, NewIntent, NewOutboxRow, OutboxRow, Snapshot, Step, StoredStream, StreamWrite, Transaction,
    Writes,
};
use telemetry::{BAGGAGE, Span, Spans, Trace};
use uuid::Uuid;

use crate::{
    input::{Cause, CommandInput, Decided, Input},
    intake::about,
    relay::Outgoing,
};

/// A stream's state is kept after this many events, so that loading it reads no more than these.
const SNAPSHOT_INTERVAL: u64 = 100;

/// Inputs that are decided and committed together.
pub(crate) struct Batch<S: Service> {
    pub(crate) inputs: Vec<Input<S>>,
    published: Vec<i64>,
    outlet: Outlet,
    now: Timestamp,
    work: Work<S>,
}

/// How events go out.
#[derive(Clone)]
pub(crate) struct Outlet {
    /// Before `/schemas/...`.
    pub(crate) schema_base_url: String,
    pub(crate) spans: Spans,
}

/// What is built up while the transaction runs, and thrown away when it starts over.
struct Work<S: Service> {
    streams: HashMap<StreamId, Stream<S>>,
    handled_before: HashSet<usize>,
    /// The next input to decide; `None` until the inbox has answered.
    next: Option<usize>,
    decided: HashMap<usize, Vec<S::Event>>,
    outbox: Vec<NewOutboxRow>,
    /// One for each row of the outbox; none for a dead letter.
    sends: Vec<Option<Span>>,
    intents: Vec<NewIntent>,
    milestones: Vec<(&'static str, Milestone)>,
}

struct Stream<S: Service> {
    state: S::State,
    stored_version: u64,
    snapshot_version: u64,
    correlation_id: Option<CorrelationId>,
    trace: Trace,
    appended: Vec<NewEvent>,
}

/// A call to the outside world as it waits in the store.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call<I> {
    pub(crate) cause: Cause,
    pub(crate) intent: I,
}

impl<S: Service> Batch<S> {
    /// `now` becomes the time of all events; `published` are outbox rows to forget.
    pub(crate) fn new(inputs: Vec<Input<S>>, published: Vec<i64>, outlet: Outlet, now: Timestamp) -> Self {
        // What is stored in whole microseconds must not differ from what is published.
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        Self { inputs, published, outlet, now, work: Work::default() }
    }

    /// How many inputs had been handled before.
    pub(crate) fn duplicates(&self) -> usize {
        self.work.handled_before.len()
    }

    /// What is committed, for the relay: rows with the spans that end when they are published.
    pub(crate) fn outgoing(&mut self, committed: Vec<OutboxRow>) -> Vec<Outgoing> {
        let sends = std::mem::take(&mut self.work.sends);
        committed.into_iter().zip(sends).map(|(row, span)| Outgoing { row, span }).collect()
    }

    /// What was reached, by the event that says so.
    pub(crate) fn milestones(&self) -> &[(&'static str, Milestone)] {
        &self.work.milestones
    }

    /// Where in traces the inputs are handled.
    pub(crate) fn traces(&self) -> impl Iterator<Item = &Trace> {
        let traces = self.inputs.iter().filter_map(|input| match input {
            Input::Command(input) => Some(&input.cause.trace),
            Input::DeadLetter { .. } => None,
        });
        traces.filter(|trace| trace.is_some())
    }

    /// Tells everybody who waits what became of their command, and ends the spans. Only after the commit.
    pub(crate) fn reply(mut self) {
        let inputs = std::mem::take(&mut self.inputs);
        for (index, input) in inputs.into_iter().enumerate() {
            let Input::Command(CommandInput { reply, command, span, .. }) = input else { continue };
            drop(span);
            let Some(reply) = reply else { continue };
            let streams = self.work.streams_for(&command);
            let decided = Decided {
                state: self.work.view(&streams).into_owned(),
                events: self.work.decided.remove(&index).unwrap_or_default(),
                correlation_id: self.work.correlation_id(&streams),
            };
            // Who asked may have gone.
            let _ = reply.send(decided);
        }
    }

    /// Streams that these inputs need and that are not loaded yet.
    fn missing(&self, inputs: Range<usize>) -> Vec<StreamId> {
        let mut missing = Vec::new();
        for index in inputs {
            let Input::Command(input) = &self.inputs[index] else { continue };
            let is_needed = !self.work.handled_before.contains(&index) || input.reply.is_some();
            for stream in if is_needed { self.work.streams_for(&input.command) } else { vec![] } {
                if !self.work.streams.contains_key(&stream) && !missing.contains(&stream) {
                    missing.push(stream);
                }
            }
        }
        missing
    }

    fn decide(&mut self, index: usize) {
        if self.work.handled_before.contains(&index) {
            return;
        }
        match &self.inputs[index] {
            Input::DeadLetter { record, .. } => {
                self.work.outbox.push(record.clone());
                self.work.sends.push(None);
            }
            Input::Command(input) => {
                let streams = self.work.streams_for(&input.command);
                let events = S::decide(&self.work.view(&streams), &input.command);
                let correlation_id = input.cause.correlation_id.or_else(|| self.work.correlation_id(&streams));
                let correlation_id = correlation_id.unwrap_or_else(|| CorrelationId(Uuid::now_v7()));
                let trace = self.work.trace(&streams, &input.cause);
                let context = Context { cause: &input.cause, correlation_id, trace, now: self.now };
                for event in &events {
                    self.work.append(event, &context, &self.outlet);
                }
                if input.reply.is_some() {
                    self.work.decided.insert(index, events);
                }
            }
        }
    }

    fn writes(&mut self) -> Writes {
        let answers = |input: &Input<S>| match input {
            Input::Command(input) => input.answers,
            Input::DeadLetter { .. } => None,
        };
        let streams = self.work.streams.iter_mut().filter(|(_, stream)| !stream.appended.is_empty());
        Writes {
            streams: streams.map(|(id, stream)| stream.write(id)).collect(),
            outbox: std::mem::take(&mut self.work.outbox),
            intents: std::mem::take(&mut self.work.intents),
            answered: self.inputs.iter().filter_map(answers).collect(),
            published: self.published.clone(),
        }
    }
}

impl<S: Service> Transaction for Batch<S> {
    fn messages(&mut self) -> Vec<Uuid> {
        self.work = Work::default();
        // A message may come twice in one batch; the inbox is asked once.
        let mut messages = Vec::with_capacity(self.inputs.len());
        let mut known = HashSet::new();
        for (index, message) in self.inputs.iter().map(Input::message).enumerate() {
            let Some(message) = message else { continue };
            if known.insert(message) {
                messages.push(message);
            } else {
                self.work.handled_before.insert(index);
            }
        }
        messages
    }

    fn step(&mut self, loaded: Loaded) -> Result<Step, LogError> {
        if self.work.next.is_none() {
            let seen = |input: &Input<S>| input.message().is_some_and(|message| loaded.seen.contains(&message));
            let seen = self.inputs.iter().enumerate().filter(|(_, input)| seen(input)).map(|(index, _)| index);
            self.work.handled_before.extend(seen);
        }
        for (id, stored) in loaded.streams {
            self.work.streams.insert(id, Stream::read(stored)?);
        }
        let mut next = self.work.next.unwrap_or(0);
        // At first the streams of all inputs together; after that only what a decision before made necessary.
        let mut wanted = self.missing(next..self.inputs.len());
        while wanted.is_empty() && next < self.inputs.len() {
            self.decide(next);
            next += 1;
            if next < self.inputs.len() {
                wanted = self.missing(next..next + 1);
            }
        }
        self.work.next = Some(next);
        Ok(if wanted.is_empty() { Step::Write(self.writes()) } else { Step::Load(wanted) })
    }
}

impl<S: Service> Default for Work<S> {
    fn default() -> Self {
        Self {
            streams: HashMap::new(),
            handled_before: HashSet::new(),
            next: None,
            decided: HashMap::new(),
            outbox: Vec::new(),
            sends: Vec::new(),
            intents: Vec::new(),
            milestones: Vec::new(),
        }
    }
}

impl<S: Service> Work<S> {
    /// The streams that a command is decided on, as far as is known from those that are loaded.
    fn streams_for(&self, command: &S::Command) -> Vec<StreamId> {
        let first = S::streams(command, &S::initial());
        let all_loaded = first.iter().all(|stream| self.streams.contains_key(stream));
        if all_loaded { S::streams(command, &self.view(&first)) } else { first }
    }

    /// What is known of several streams, as one state.
    fn view(&self, streams: &[StreamId]) -> Cow<'_, S::State> {
        let states = || streams.iter().filter_map(|id| self.streams.get(id)).map(|stream| &stream.state);
        match streams {
            [only] if self.streams.contains_key(only) => Cow::Borrowed(&self.streams[only].state),
            _ => Cow::Owned(S::join(states().collect())),
        }
    }

    /// That of the first stream: the one that the command is about.
    fn correlation_id(&self, streams: &[StreamId]) -> Option<CorrelationId> {
        self.streams.get(streams.first()?)?.correlation_id
    }

    /// Where the trace of what follows goes on. A request or a deadline that concerns an order goes on in the trace that
    /// the order began in, so that an order has one trace.
    fn trace(&self, streams: &[StreamId], cause: &Cause) -> Trace {
        let began = streams.first().and_then(|stream| self.streams.get(stream)).map(|stream| stream.trace.clone());
        let began = began.unwrap_or_default();
        if cause.event_id.is_none() { began.or(cause.trace.clone()) } else { cause.trace.clone() }
    }

    fn append(&mut self, event: &S::Event, context: &Context<'_>, outlet: &Outlet) {
        let id = EventId(Uuid::now_v7());
        let (name, schema, data) = event.encode();
        let Context { cause, correlation_id, now: time, .. } = *context;
        if let Logged::Public(event) = event {
            let meta = Meta {
                id,
                event_type: event.event_type(),
                order_id: event.order_id(),
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
        let stream = self.streams.entry(S::stream_of(event)).or_default();
        stream.state = S::evolve(std::mem::take(&mut stream.state), event);
        stream.correlation_id.get_or_insert(correlation_id);
        if !stream.trace.is_some() {
            stream.trace = context.trace.clone();
        }
        self.milestones.extend(S::milestone(&stream.state, event).map(|milestone| (name, milestone)));
        let causation_id = cause.event_id;
        stream.appended.push(NewEvent { id, name, schema, data, time, correlation_id, causation_id });
    }
}

/// Why and when events are appended.
struct Context<'a> {
    cause: &'a Cause,
    correlation_id: CorrelationId,
    trace: Trace,
    now: Timestamp,
}

fn outbox_row<S: Service>(meta: &Meta, data: &str, schema_base_url: &str, trace: &Trace) -> NewOutboxRow {
    let header = |(name, value): (&str, String)| (name.to_owned(), Bytes::from(value));
    let baggage = (BAGGAGE, format!("correlation_id={}", meta.correlation_id));
    let headers = contracts::headers(meta, schema_base_url).into_iter().chain(trace.headers()).chain([baggage]);
    NewOutboxRow {
        topic: S::Public::TOPIC.to_owned(),
        key: Some(Bytes::from(meta.order_id.to_string())),
        headers: headers.map(header).collect(),
        payload: Bytes::copy_from_slice(data.as_bytes()),
    }
}

impl<S: Service> Stream<S> {
    fn read(stored: StoredStream) -> Result<Self, LogError> {
        let snapshot_version = stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let (stored_version, correlation_id) = (stored.version, stored.correlation_id);
        let trace = Trace::from_text(&stored.trace);
        let state = rebuild::<S>(stored)?;
        Ok(Self { state, stored_version, snapshot_version, correlation_id, trace, appended: Vec::new() })
    }

    fn write(&mut self, id: &StreamId) -> StreamWrite {
        let events = std::mem::take(&mut self.appended);
        let version = self.stored_version + events.len() as u64;
        let is_time = version - self.snapshot_version >= SNAPSHOT_INTERVAL;
        let state = || serde_json::to_string(&self.state).expect("a state has string keys only");
        StreamWrite {
            stream: id.clone(),
            expected_version: self.stored_version,
            events,
            trace: self.trace.to_string(),
            status: S::status(&self.state),
            due: S::wake_at(&self.state),
            snapshot: is_time.then(|| Snapshot { version, state: state() }),
        }
    }
}

impl<S: Service> Default for Stream<S> {
    fn default() -> Self {
        Self {
            state: S::initial(),
            stored_version: 0,
            snapshot_version: 0,
            correlation_id: None,
            trace: Trace::default(),
            appended: Vec::new(),
        }
    }
}

/// The state of a stream as it was stored: its snapshot and what happened since. A snapshot that an older build made and
/// this one can't read is an error: the log has the truth, but its beginning was not loaded.
pub(crate) fn rebuild<S: Service>(stored: StoredStream) -> Result<S::State, LogError> {
    let initial = match stored.snapshot {
        None => S::initial(),
        Some(snapshot) => serde_json::from_str(&snapshot.state)
            .map_err(|source| LogError::Private { name: "snapshot".to_owned(), source })?,
    };
    let mut state = initial;
    for event in &stored.events {
        state = S::evolve(state, &S::Event::decode(&event.name, &event.schema, &event.data)?);
    }
    Ok(state)
}

#[cfg(test)]
mod tests;
