//! A batch of inputs on the streams that they concern: the pure part of a transaction, which the store runs.
//!
//! A failing input does not affect the rest of its batch. The transaction identifies it and restarts; in the next run
//! the input's record is parked or becomes a dead letter, and the other inputs are handled as if it were absent.
//!
//! The order of calls: [`Transaction::begin`] determines the dispositions. The first step notes which inputs are waiting or
//! dead already. Each step then handles inputs in order, until one needs streams that are not loaded yet. An input whose
//! message the stream has processed is a duplicate. The last step returns the rows to write.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use cloudevent::CorrelationId;
use decider::{SagaMetric, Service, StreamId};
use jiff::Timestamp;
use store::{Committed, Loaded, LogEntry, ReadPosition, Restart, Step, StreamRequest, Transaction, Writes};
use telemetry::Trace;
use uuid::Uuid;

use crate::{
    input::{CommandInput, Decision, Failure, InboundRecord, Input, ReplayInput, Reply},
    process::{
        batch_state::{AppendContext, BatchState},
        disposition::{Disposition, PriorFailures},
        publish_context::PublishContext,
        stream_cache::StreamCache,
    },
    publish::OutgoingEvent,
};

/// Maximum difference in seconds between the clocks of two services.
const CLOCK_SKEW_MAX_S: i64 = 3_600;

/// Inputs that are decided and committed together.
pub(crate) struct Batch<S: Service> {
    pub(crate) inputs: Vec<Input<S>>,
    /// The position up to which Kafka has all public events, if it has changed.
    pub(crate) cursor: Option<i64>,
    /// Positions of a reader after the records of this batch.
    pub(crate) positions: Vec<ReadPosition>,
    cache: StreamCache<S>,
    publish: PublishContext,
    now: Timestamp,
    prior: PriorFailures,
    state: BatchState<S>,
}

/// A record that was parked or became a dead letter.
pub(crate) struct RejectedRecord<'b> {
    pub(crate) record: &'b InboundRecord,
    pub(crate) failure: &'b Failure,
    pub(crate) is_dead_letter: bool,
}

impl<S: Service> Batch<S> {
    /// `now` is the time of all events; `cursor` is the position up to which Kafka has all public events, if it has
    /// changed; `cache` is that of the previous batch.
    pub(crate) fn new(
        inputs: Vec<Input<S>>,
        cursor: Option<i64>,
        cache: StreamCache<S>,
        publish: PublishContext,
        now: Timestamp,
    ) -> Self {
        // The store keeps whole microseconds. The published time must be the same.
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let (prior, state) = (PriorFailures::default(), BatchState::default());
        Self { inputs, cursor, positions: Vec::new(), cache, publish, now, prior, state }
    }

    /// Number of inputs that were processed before.
    pub(crate) fn duplicates(&self) -> usize {
        self.state.duplicates.len()
    }

    /// The committed public events with the spans that end when they are published.
    pub(crate) fn outgoing(&mut self, committed: Committed) -> Vec<OutgoingEvent> {
        let sends = std::mem::take(&mut self.state.sends);
        let public = committed.events().filter(|(_, _, event)| event.publication.is_some());
        let entries = public.map(|(position, stream, event)| LogEntry { position, stream, event });
        entries.zip(sends).map(|(entry, span)| OutgoingEvent { entry, span: Some(span) }).collect()
    }

    /// Returns whether streams are to be published again.
    pub(crate) fn has_replays(&self) -> bool {
        self.state.has_replays
    }

    /// Returns whether the batch has new dead letters.
    pub(crate) fn has_dead_letters(&self) -> bool {
        self.rejected_records().any(|rejected| rejected.is_dead_letter)
    }

    /// Contributions to the saga's metrics, each with the name of its event.
    pub(crate) fn metrics(&self) -> &[(&'static str, SagaMetric)] {
        &self.state.metrics
    }

    pub(crate) fn rejected_records(&self) -> impl Iterator<Item = RejectedRecord<'_>> {
        let dispositions = self.state.dispositions.iter().enumerate();
        let new = dispositions.filter(|(index, _)| !self.state.duplicates.contains(index));
        new.filter_map(|(index, disposition)| {
            let (failure, is_dead_letter) = match disposition {
                Disposition::Park { failure, .. } => (failure, false),
                Disposition::DeadLetter { failure, .. } => (failure, true),
                Disposition::Decide | Disposition::Refuse(_) => return None,
            };
            Some(RejectedRecord { record: self.inputs[index].record()?, failure, is_dead_letter })
        })
    }

    /// The places in traces at which the inputs are handled.
    pub(crate) fn traces(&self) -> impl Iterator<Item = &Trace> {
        let traces = self.inputs.iter().filter_map(|input| match input {
            Input::Command(input) => Some(&input.cause.trace),
            Input::Rejected(..) | Input::Ignored(_) | Input::Replay(_) => None,
        });
        traces.filter(|trace| trace.is_some())
    }

    /// Marks the only input as failed, because the store rejects its effects.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.prior.failures.insert(0, failure);
    }

    /// Sends the results to the waiting clients and ends the spans. Call it after the commit. Returns the cache for the
    /// next batch.
    pub(crate) fn reply(mut self) -> StreamCache<S> {
        let inputs = std::mem::take(&mut self.inputs);
        for (index, input) in inputs.into_iter().enumerate() {
            let CommandInput { reply, command, span, .. } = match input {
                Input::Command(input) => input,
                Input::Replay(ReplayInput { reply, .. }) => {
                    let _ = reply.send(self.state.joined.contains(&index));
                    continue;
                }
                Input::Rejected(..) | Input::Ignored(_) => continue,
            };
            drop(span);
            // The client may have disconnected.
            match reply {
                Reply::None => {}
                Reply::Ack(reply) => drop(reply.send(self.refusal(index).map_or(Ok(()), Err))),
                Reply::State(reply) => {
                    let decision = self.refusal(index).map_or_else(|| Ok(self.decision(index, &command)), Err);
                    drop(reply.send(decision));
                }
            }
        }
        self.state.keep_streams(&mut self.cache);
        self.cache
    }

    fn refusal(&self, index: usize) -> Option<Failure> {
        match &self.state.dispositions[index] {
            Disposition::Refuse(failure) => Some(failure.clone()),
            _ => None,
        }
    }

    fn decision(&mut self, index: usize, command: &S::Command) -> Decision<S> {
        let streams = self.state.streams_for(command);
        Decision {
            state: self.state.view(&streams).into_owned(),
            events: self.state.decided.remove(&index).unwrap_or_default(),
            correlation_id: self.state.correlation_id(&streams),
        }
    }

    /// Id of the input's message, by which the stream that it is about recognizes it.
    fn message(&self, index: usize) -> Option<Uuid> {
        match (&self.state.dispositions[index], &self.inputs[index]) {
            (Disposition::Decide, Input::Command(input)) => input.message,
            _ => None,
        }
    }

    /// Id of the dead letter that the input has, if it has one already.
    fn dead_letter_id(&self, index: usize) -> Option<Uuid> {
        let record = self.inputs[index].record()?;
        match &self.state.dispositions[index] {
            Disposition::DeadLetter { failure, .. } => Some(record.dead_letter_id(failure.class)),
            Disposition::Decide | Disposition::Park { .. } => record.message,
            Disposition::Refuse(_) => None,
        }
    }

    /// Notes the records with an open dead letter, which absorbs redeliveries but not redriven records. Restarts if a key was
    /// not known to be blocked.
    fn apply_first(&mut self, loaded: &mut Loaded) -> Result<(), Restart> {
        let is_absorbed = |index: &usize| {
            let is_new =
                self.inputs[*index].record().is_some_and(|record| !record.is_redriven && record.retry.is_none());
            is_new && self.dead_letter_id(*index).is_some_and(|id| loaded.dead_letters.contains(&id))
        };
        let absorbed: Vec<_> = (0..self.inputs.len()).filter(is_absorbed).collect();
        self.state.duplicates.extend(absorbed);
        self.state.old_inbox = std::mem::take(&mut loaded.old_inbox);
        let blocked = loaded.blocked_keys.difference(&self.prior.blocked_keys).cloned().collect::<HashSet<_>>();
        if blocked.is_empty() {
            return Ok(());
        }
        self.prior.blocked_keys.extend(blocked);
        Err(Restart)
    }

    /// The streams on which an input is decided, or was if it is a duplicate whose client wants the state.
    fn required_streams(&mut self, index: usize) -> Vec<StreamId> {
        self.state.current = index;
        match (&self.inputs[index], &self.state.dispositions[index]) {
            (Input::Command(input), Disposition::Decide)
                if !self.state.duplicates.contains(&index) || input.reply.wants_state() || input.wave.is_some() =>
            {
                self.state.streams_for(&input.command)
            }
            (Input::Replay(input), _) => vec![input.stream.clone()],
            _ => Vec::new(),
        }
    }

    /// Requests those of these streams that are not loaded yet, each once.
    fn requests(&self, required: Vec<StreamId>) -> Vec<StreamRequest> {
        let mut requested = HashSet::new();
        let is_missing =
            |stream: &StreamId| !self.state.streams.contains_key(stream) && requested.insert(stream.clone());
        let missing = required.into_iter().filter(is_missing);
        let request = |stream| StreamRequest {
            known: self.cache.version(&stream),
            skip_snapshot: self.state.without_snapshot.contains(&stream),
            stream,
        };
        missing.map(request).collect()
    }

    /// Handles an input if its streams are loaded. Otherwise returns the requests for them.
    fn handle_or_request(&mut self, index: usize) -> Vec<StreamRequest> {
        let required = self.required_streams(index);
        if required.iter().all(|stream| self.state.streams.contains_key(stream)) {
            self.handle(index, &required);
            return Vec::new();
        }
        self.requests(required)
    }

    fn handle(&mut self, index: usize, streams: &[StreamId]) {
        self.join_wave(index, streams);
        if let (Some(message), Some(stream)) = (self.message(index), streams.first())
            && self.state.has_processed(message, stream)
        {
            self.state.duplicates.insert(index);
        }
        if !self.state.duplicates.contains(&index) {
            match self.state.dispositions[index].clone() {
                Disposition::Decide => self.decide(index, streams),
                Disposition::Park { failure, attempts, due } => self.park(index, &failure.to_string(), attempts, due),
                Disposition::DeadLetter { failure, attempts } => self.dead_letter(index, &failure, attempts),
                Disposition::Refuse(_) => {}
            }
        }
        let Some(record) = self.inputs[index].record() else { return };
        let disposition = &self.state.dispositions[index];
        if let Some(retry) = &record.retry
            && !matches!(disposition, Disposition::Park { .. })
        {
            self.state.resolved.push(retry.position);
        }
        if record.is_redriven {
            let is_processed = matches!(disposition, Disposition::Decide);
            self.state.redriven.extend(record.message.filter(|_| is_processed));
            // A record that fails again becomes another dead letter.
            let is_settled = is_processed || matches!(disposition, Disposition::DeadLetter { .. });
            self.state.redriven.extend(record.dead_letter.filter(|_| is_settled));
        }
    }

    /// Lets the stream that the input is about join the input's wave. It publishes its earlier facts only; those that follow
    /// from the input are published anyway.
    fn join_wave(&mut self, index: usize, streams: &[StreamId]) {
        let wave = match &self.inputs[index] {
            Input::Command(input) => input.wave,
            Input::Replay(input) => Some(input.wave),
            Input::Rejected(..) | Input::Ignored(_) => None,
        };
        if let (Some(wave), Some(stream)) = (wave, streams.first())
            && is_plausible(wave, self.now)
            && self.state.join_wave(stream, wave)
        {
            self.state.joined.insert(index);
        }
    }

    fn decide(&mut self, index: usize, streams: &[StreamId]) {
        let Input::Command(input) = &self.inputs[index] else { return };
        if let Some(failure) = streams.iter().find_map(|stream| self.state.unreadable.get(stream)) {
            self.prior.failures.insert(index, failure.clone());
            return;
        }
        let Some(stream) = streams.first() else { return };
        let events = S::decide(&self.state.view(streams), &input.command);
        if let Some(message) = input.message
            && let Some(stream) = self.state.streams.get_mut(stream)
        {
            stream.mark_processed(message);
        }
        let correlation_id = input.cause.correlation_id.or_else(|| self.state.correlation_id(streams));
        let correlation_id = correlation_id.unwrap_or_else(|| CorrelationId(Uuid::now_v7()));
        let trace = self.state.trace(streams, &input.cause);
        let context = AppendContext { stream, cause: &input.cause, correlation_id, trace, now: self.now };
        for event in &events {
            self.state.append(event, &context, &self.publish);
        }
        if events.iter().any(S::starts_wave) {
            self.state.join_wave(stream, Uuid::now_v7());
        }
        if input.reply.wants_state() {
            self.state.decided.insert(index, events);
        }
    }

    fn park(&mut self, index: usize, error: &str, attempts: u32, due: Timestamp) {
        let Some(record) = self.inputs[index].record() else { return };
        match (&record.retry, &record.ordering_key) {
            (Some(retry), _) => self.state.rescheduled.push(retry.reschedule(attempts, error, due)),
            (None, Some(key)) => self.state.parked.push(record.park(key, attempts, error, due)),
            (None, None) => {}
        }
    }

    fn dead_letter(&mut self, index: usize, failure: &Failure, attempts: u32) {
        let (Some(record), Some(topic)) = (self.inputs[index].record(), &self.publish.dead_letter_topic) else {
            return;
        };
        let letter = record.dead_letter(topic, failure, attempts, self.now);
        self.state.dead_letters.push(letter);
    }

    /// Handles inputs until one needs streams that are not loaded, or all are handled.
    fn advance(&mut self, mut loaded: Loaded) -> Result<Step, Restart> {
        if self.state.next.is_none() {
            self.apply_first(&mut loaded)?;
        }
        for (id, stored) in loaded.streams {
            let cached = self.cache.take(&id);
            self.state.add_stream(id, cached, &stored);
        }
        let failures = self.prior.failures.len();
        let mut next = self.state.next.unwrap_or(0);
        // The first request is for the streams of all inputs together. Later ones are for streams that only an earlier
        // decision made necessary.
        let required = (next..self.inputs.len()).flat_map(|index| self.required_streams(index)).collect();
        let mut requests = self.requests(required);
        while requests.is_empty() && next < self.inputs.len() {
            requests = self.handle_or_request(next);
            next += usize::from(requests.is_empty());
        }
        self.state.next = Some(next);
        if self.prior.failures.len() > failures {
            return Err(Restart);
        }
        Ok(if requests.is_empty() { Step::Write(self.writes()) } else { Step::Load(requests) })
    }

    fn writes(&mut self) -> Writes {
        let dispositions = self.state.dispositions.iter().zip(&self.inputs);
        let answers = dispositions.filter_map(|(disposition, input)| match (disposition, input) {
            (Disposition::Decide, Input::Command(input)) => input.answers,
            _ => None,
        });
        let answered = answers.collect();
        let mut streams = Vec::new();
        for (id, stream) in self.state.streams.iter_mut().filter(|(_, stream)| stream.is_changed()) {
            let (write, sends) = stream.write(id);
            streams.push(write);
            self.state.sends.extend(sends);
        }
        Writes {
            streams,
            intents: std::mem::take(&mut self.state.intents),
            answered,
            cursor: self.cursor,
            read_positions: self.positions.clone(),
            dead_letters: std::mem::take(&mut self.state.dead_letters),
            redriven: std::mem::take(&mut self.state.redriven),
            replays: std::mem::take(&mut self.state.replays),
            parked: std::mem::take(&mut self.state.parked),
            rescheduled: std::mem::take(&mut self.state.rescheduled),
            resolved: std::mem::take(&mut self.state.resolved),
        }
    }
}

/// Returns false for a wave id from the future: a stream that joined this wave could not join later ones.
fn is_plausible(wave: Uuid, now: Timestamp) -> bool {
    let Some(started) = wave.get_timestamp() else { return false };
    let (seconds, _) = started.to_unix();
    let latest = now.as_second().saturating_add(CLOCK_SKEW_MAX_S);
    i64::try_from(seconds).is_ok_and(|seconds| seconds <= latest)
}

impl<S: Service> Transaction for Batch<S> {
    fn begin(&mut self) {
        let dispositions = self.prior.dispositions(&self.inputs, self.publish.retries, self.now);
        self.state = BatchState { dispositions, ..BatchState::default() };
    }

    fn messages(&self) -> Vec<Uuid> {
        let messages = (0..self.inputs.len()).filter_map(|index| self.dead_letter_id(index).or(self.message(index)));
        messages.collect()
    }

    fn ordering_keys(&self) -> Vec<String> {
        let new = self.inputs.iter().filter_map(Input::record).filter(|record| record.retry.is_none());
        new.filter_map(|record| record.ordering_key.clone()).collect()
    }

    /// Attributes a panic to the input in progress.
    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart> {
        catch_unwind(AssertUnwindSafe(|| self.advance(loaded))).unwrap_or_else(|panic| {
            self.prior.failures.insert(self.state.current, Failure::panic(&*panic));
            Err(Restart)
        })
    }
}
