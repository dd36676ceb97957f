//! The pure part of a transaction: a batch of inputs against the streams they concern. The store runs it.
//!
//! An input that fails takes nothing with it. The transaction finds out which it was, starts over, and puts that one
//! aside: its record is parked or becomes a dead letter, and the others are handled as if it were not there.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use contracts::{CorrelationId, OrderId};
use decider::{SagaMetric, Service, StreamId};
use jiff::Timestamp;
use store::{Loaded, NewOutboxRow, OutboxRow, Restart, Step, StreamRequest, Transaction, Writes};
use telemetry::{Spans, Trace};
use uuid::Uuid;

use super::{
    batch_state::{Context, Work},
    disposition::{Disposition, Known},
    stream_cache::Cache,
};
use crate::{
    input::{CommandInput, Decided, Failure, InboundRecord, Input, Reply, RetryPolicy},
    planted::{self, Bug, Point},
    publish::Outgoing,
};

/// Inputs that are decided and committed together.
pub(crate) struct Batch<S: Service> {
    pub(crate) inputs: Vec<Input<S>>,
    pub(crate) published: Vec<i64>,
    cache: Cache<S>,
    outlet: PublishContext,
    now: Timestamp,
    known: Known,
    work: Work<S>,
}

/// How events and what fails go out.
#[derive(Clone)]
pub(crate) struct PublishContext {
    /// Before `/schemas/...`.
    pub(crate) schema_base_url: String,
    pub(crate) spans: Spans,
    pub(crate) retries: RetryPolicy,
    pub(crate) dead_letter_topic: String,
}

/// What became of a record that was put aside.
pub(crate) struct PutAside<'b> {
    pub(crate) arrival: &'b InboundRecord,
    pub(crate) failure: &'b Failure,
    pub(crate) is_dead_letter: bool,
}

impl<S: Service> Batch<S> {
    /// `now` becomes the time of all events; `published` are outbox rows to forget; `cache` is from the batch before.
    pub(crate) fn new(
        inputs: Vec<Input<S>>,
        published: Vec<i64>,
        cache: Cache<S>,
        outlet: PublishContext,
        now: Timestamp,
    ) -> Self {
        // What is stored in whole microseconds must not differ from what is published.
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        Self { inputs, published, cache, outlet, now, known: Known::default(), work: Work::default() }
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
    pub(crate) fn metrics_emitted(&self) -> &[(&'static str, SagaMetric)] {
        &self.work.metrics_emitted
    }

    /// The records that were put aside.
    pub(crate) fn put_aside(&self) -> impl Iterator<Item = PutAside<'_>> {
        let dispositions =
            self.work.dispositions.iter().enumerate().filter(|(index, _)| !self.work.handled_before.contains(index));
        dispositions.filter_map(|(index, disposition)| {
            let (failure, is_dead_letter) = match disposition {
                Disposition::Park { failure, .. } => (failure, false),
                Disposition::DeadLetter { failure, .. } => (failure, true),
                Disposition::Decide | Disposition::Refuse(_) => return None,
            };
            Some(PutAside { arrival: self.inputs[index].arrival()?, failure, is_dead_letter })
        })
    }

    /// Where in traces the inputs are handled.
    pub(crate) fn traces(&self) -> impl Iterator<Item = &Trace> {
        let traces = self.inputs.iter().filter_map(|input| match input {
            Input::Command(input) => Some(&input.cause.trace),
            Input::Aside(..) | Input::Nowhere(_) => None,
        });
        traces.filter(|trace| trace.is_some())
    }

    /// Gives up on the only input: the store refuses what follows from it.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.known.failures.insert(0, failure);
    }

    /// Tells everybody who waits what became of their command, and ends the spans. Only after the commit. What is known of
    /// the streams is for the next batch.
    pub(crate) fn reply(mut self) -> Cache<S> {
        let inputs = std::mem::take(&mut self.inputs);
        for (index, input) in inputs.into_iter().enumerate() {
            let Input::Command(CommandInput { reply, command, span, .. }) = input else { continue };
            drop(span);
            // Who asked may have gone.
            match reply {
                Reply::Nobody => {}
                Reply::Handled(reply) => drop(reply.send(self.refusal(index).map_or(Ok(()), Err))),
                Reply::Decided(reply) => {
                    let decided = self.refusal(index).map_or_else(|| Ok(self.decided(index, &command)), Err);
                    drop(reply.send(decided));
                }
            }
        }
        self.work.keep_streams(&mut self.cache);
        self.cache
    }

    fn refusal(&self, index: usize) -> Option<Failure> {
        match &self.work.dispositions[index] {
            Disposition::Refuse(failure) => Some(failure.clone()),
            _ => None,
        }
    }

    fn decided(&mut self, index: usize, command: &S::Command) -> Decided<S> {
        let streams = self.work.streams_for(command);
        Decided {
            state: self.work.view(&streams).into_owned(),
            events: self.work.decided.remove(&index).unwrap_or_default(),
            correlation_id: self.work.correlation_id(&streams),
        }
    }

    /// What recognizes the input when it comes again.
    fn message(&self, index: usize) -> Option<Uuid> {
        if planted::is(Bug::NoInbox) {
            return None;
        }
        match (&self.work.dispositions[index], &self.inputs[index]) {
            (Disposition::Decide, Input::Command(input)) => input.message,
            (Disposition::DeadLetter { .. }, input) => input.arrival().map(InboundRecord::dead_letter_id),
            _ => None,
        }
    }

    /// What the store says at first: what was handled before, and what must wait.
    fn begin(&mut self, loaded: &Loaded) -> Result<(), Restart> {
        planted::point(Point::AfterInbox, || planted::events(&self.inputs, [].iter()));
        let seen = |index: &usize| self.message(*index).is_some_and(|message| loaded.seen.contains(&message));
        let seen: Vec<_> = (0..self.inputs.len()).filter(seen).collect();
        self.work.handled_before.extend(seen);
        let news = loaded.held.difference(&self.known.held).copied().collect::<HashSet<_>>();
        if news.is_empty() {
            return Ok(());
        }
        self.known.held.extend(news);
        Err(Restart)
    }

    /// The streams that an input is decided on, or was.
    fn needed(&mut self, index: usize) -> Vec<StreamId> {
        self.work.current = index;
        match (&self.inputs[index], &self.work.dispositions[index]) {
            (Input::Command(input), Disposition::Decide)
                if !self.work.handled_before.contains(&index) || input.reply.wants_state() =>
            {
                self.work.streams_for(&input.command)
            }
            _ => Vec::new(),
        }
    }

    /// Those of these streams that are not loaded yet, each once.
    fn missing(&self, needed: Vec<StreamId>) -> Vec<StreamRequest> {
        let mut asked = HashSet::new();
        let is_missing = |stream: &StreamId| !self.work.streams.contains_key(stream) && asked.insert(stream.clone());
        let missing = needed.into_iter().filter(is_missing);
        missing.map(|stream| StreamRequest { known: self.cache.version(&stream), stream }).collect()
    }

    /// Handles an input, or says what must be loaded for that.
    fn try_handle(&mut self, index: usize) -> Vec<StreamRequest> {
        let needed = self.needed(index);
        if needed.iter().all(|stream| self.work.streams.contains_key(stream)) {
            self.handle(index, &needed);
            return Vec::new();
        }
        self.missing(needed)
    }

    fn handle(&mut self, index: usize, streams: &[StreamId]) {
        if !self.work.handled_before.contains(&index) {
            match self.work.dispositions[index].clone() {
                Disposition::Decide => self.decide(index, streams),
                Disposition::Park { failure, attempts, due } => self.park(index, &failure.to_string(), attempts, due),
                Disposition::DeadLetter { failure, attempts } => self.dead_letter(index, &failure, attempts),
                Disposition::Refuse(_) => {}
            }
        }
        let retry = self.inputs[index].arrival().and_then(|arrival| arrival.retry.as_ref());
        if let Some(retry) = retry
            && !matches!(self.work.dispositions[index], Disposition::Park { .. })
        {
            self.work.resolved.push(retry.position);
        }
    }

    fn decide(&mut self, index: usize, streams: &[StreamId]) {
        let Input::Command(input) = &self.inputs[index] else { return };
        if let Some(failure) = streams.iter().find_map(|stream| self.work.unreadable.get(stream)) {
            self.known.failures.insert(index, failure.clone());
            return;
        }
        let Some(stream) = streams.first() else { return };
        let events = S::decide(&self.work.view(streams), &input.command);
        let correlation_id = input.cause.correlation_id.or_else(|| self.work.correlation_id(streams));
        let correlation_id = correlation_id.unwrap_or_else(|| CorrelationId(Uuid::now_v7()));
        let trace = self.work.trace(streams, &input.cause);
        let context = Context { stream, cause: &input.cause, correlation_id, trace, now: self.now };
        for event in &events {
            self.work.append(event, &context, &self.outlet);
        }
        if input.reply.wants_state() {
            self.work.decided.insert(index, events);
        }
    }

    fn park(&mut self, index: usize, error: &str, attempts: u32, due: Timestamp) {
        let Some(arrival) = self.inputs[index].arrival() else { return };
        match (&arrival.retry, arrival.order_id) {
            (Some(retry), _) => self.work.rescheduled.push(retry.postpone(attempts, error, due)),
            (None, Some(order_id)) => self.work.parked.push(arrival.park(order_id, attempts, error, due)),
            (None, None) => {}
        }
    }

    fn dead_letter(&mut self, index: usize, failure: &Failure, attempts: u32) {
        let Some(arrival) = self.inputs[index].arrival() else { return };
        self.work.outbox.push(arrival.dead_letter(&self.outlet.dead_letter_topic, failure, attempts, self.now));
        self.work.sends.push(None);
    }

    fn advance(&mut self, loaded: Loaded) -> Result<Step, Restart> {
        if self.work.next.is_none() {
            self.begin(&loaded)?;
        }
        for (id, stored) in loaded.streams {
            let known = self.cache.take(&id);
            self.work.loaded(id, known, stored);
        }
        let failures = self.known.failures.len();
        let mut next = self.work.next.unwrap_or(0);
        // At first the streams of all inputs together; after that only what a decision before made necessary.
        let needed = (next..self.inputs.len()).flat_map(|index| self.needed(index)).collect();
        let mut wanted = self.missing(needed);
        while wanted.is_empty() && next < self.inputs.len() {
            wanted = self.try_handle(next);
            next += usize::from(wanted.is_empty());
        }
        self.work.next = Some(next);
        if self.known.failures.len() > failures {
            return Err(Restart);
        }
        Ok(if wanted.is_empty() { Step::Write(self.writes()) } else { Step::Load(wanted) })
    }

    fn writes(&mut self) -> Writes {
        if planted::is(Bug::PublishBeforeCommit) {
            planted::publish_early(&self.work.outbox);
        }
        let dispositions = self.work.dispositions.iter().zip(&self.inputs);
        let answers = dispositions.filter_map(|(disposition, input)| match (disposition, input) {
            (Disposition::Decide, Input::Command(input)) => input.answers,
            _ => None,
        });
        let answered = answers.collect();
        let streams = self.work.streams.iter_mut().filter(|(_, stream)| stream.is_changed());
        Writes {
            streams: streams.map(|(id, stream)| stream.write(id)).collect(),
            outbox: std::mem::take(&mut self.work.outbox),
            intents: std::mem::take(&mut self.work.intents),
            answered,
            published: self.published.clone(),
            parked: std::mem::take(&mut self.work.parked),
            rescheduled: std::mem::take(&mut self.work.rescheduled),
            resolved: std::mem::take(&mut self.work.resolved),
        }
    }
}

impl<S: Service> Transaction for Batch<S> {
    fn messages(&mut self) -> Vec<Uuid> {
        planted::point(Point::BeforeInbox, || planted::events(&self.inputs, [].iter()));
        let dispositions = self.known.dispositions(&self.inputs, self.outlet.retries, self.now);
        self.work = Work { dispositions, ..Work::default() };
        // A message may come twice in one batch; the inbox is asked once.
        let mut messages = Vec::with_capacity(self.inputs.len());
        let mut known = HashSet::new();
        for index in 0..self.inputs.len() {
            let Some(message) = self.message(index) else { continue };
            if known.insert(message) {
                messages.push(message);
            } else {
                self.work.handled_before.insert(index);
            }
        }
        messages
    }

    fn ordering_keys(&self) -> Vec<OrderId> {
        let fresh = self.inputs.iter().filter_map(Input::arrival).filter(|arrival| arrival.retry.is_none());
        fresh.filter_map(|arrival| arrival.order_id).collect()
    }

    /// A panic is the fault of the input that was worked on.
    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart> {
        catch_unwind(AssertUnwindSafe(|| self.advance(loaded))).unwrap_or_else(|panic| {
            self.known.failures.insert(self.work.current, Failure::panic(&*panic));
            Err(Restart)
        })
    }

    fn commits(&self, outbox: &mut dyn Iterator<Item = &NewOutboxRow>) {
        if !self.published.is_empty() {
            planted::point(Point::BeforeMark, Vec::new);
        }
        planted::point(Point::BeforeCommit, || planted::events(&self.inputs, outbox));
    }
}
