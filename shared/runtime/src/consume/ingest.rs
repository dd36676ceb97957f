//! Turns records into inputs: validates a record, and applies the service's reaction to its event.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use cloudevent::{Contract, ContractError, Envelope, Meta};
use decider::Service;
use messaging::{Record, dead_letters};
use store::Parked;
use telemetry::{EventAttributes, KeyValue, Metrics, Span, Spans, TRACEPARENT, TRACESTATE, Trace};
use tokio::sync::oneshot;
use tracing::debug;

use crate::input::{Cause, Class, CommandInput, Failure, InboundRecord, Input, Reply};

/// Maximum events that cause each other in sequence. The longest path of a saga is far shorter; a longer sequence is a
/// loop, and its next event is rejected.
const HOPS_MAX: u32 = 32;

/// Turns records into inputs.
#[derive(Clone)]
pub(crate) struct Ingest {
    /// Operators send dead letters here for another attempt. `None` for a reader, which has no dead letters.
    pub(crate) redrive_topic: Option<String>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) spans: Spans,
}

/// Maximum length in bytes of an ordering key that is taken from an undecodable record.
const KEY_LEN_MAX: usize = 200;

/// Returns whether the store can index this key, which comes from an undecodable record.
fn is_ordering_key(key: &str) -> bool {
    key.len() <= KEY_LEN_MAX && !key.contains('\0')
}

/// The attributes of an event in spans.
fn event_attributes(meta: &Meta) -> EventAttributes<'_> {
    let (message_id, subject, correlation_id) = (&meta.id, &meta.subject, &meta.correlation_id);
    EventAttributes { event: meta.event_type.name, message_id, subject, correlation_id }
}

impl Ingest {
    /// The input that a record leads to, or `None` if the service does not react to it.
    pub(crate) fn read<S: Service>(&self, record: &Record<'_>) -> Option<Input<S>> {
        if Some(record.topic()) == self.redrive_topic.as_deref()
            && let Some(origin) = record.text_header(dead_letters::REDRIVE_TOPIC)
        {
            let record = record.as_of(origin);
            let inbound = |ordering_key| InboundRecord::new(&record, ordering_key).redriven();
            if record.text_header(dead_letters::RESOLUTION) == Some(dead_letters::DISCARDED) {
                return Some(Input::Ignored(inbound(None)));
            }
            let input = input(&record, self.reaction::<S>(&record), inbound);
            return Some(input.unwrap_or_else(|| Input::Ignored(inbound(None))));
        }
        let inbound = |ordering_key| InboundRecord::new(record, ordering_key);
        // With this header, the record would be parked as a redriven one and close the dead letter that it names.
        let reaction = if record.header(dead_letters::REDRIVE_OF).is_some() {
            let error = format!("header {} is reserved for redriven records", dead_letters::REDRIVE_OF);
            Err(Failure::new(Class::Contract, error))
        } else {
            self.reaction::<S>(record)
        };
        input(record, reaction, inbound)
    }

    /// The input that a parked record leads to now. The receiver is closed at the end of the attempt.
    pub(crate) fn retry<S: Service>(&self, parked: Parked) -> (Input<S>, oneshot::Receiver<()>) {
        let (inbound, ended) = InboundRecord::parked(parked);
        let input = match self.reaction::<S>(&inbound.record()) {
            Ok(None) => Input::Ignored(inbound),
            Ok(Some(reaction)) => reaction.into_input(inbound),
            Err(failure) => Input::Rejected(inbound, failure),
        };
        (input, ended)
    }

    fn reaction<S: Service>(&self, record: &Record<'_>) -> Result<Option<ReactionTo<S>>, Failure> {
        let react = || react::<S>(record).map_err(|error| Failure::new(class(&error), error.to_string()));
        let reacted = catch_unwind(AssertUnwindSafe(react)).unwrap_or_else(|panic| Err(Failure::panic(&*panic)))?;
        let Some((meta, command)) = reacted else { return Ok(None) };
        if meta.hops >= HOPS_MAX {
            return Err(Failure::new(Class::Loop, format!("caused by {} events in sequence", meta.hops)));
        }
        self.metrics.consumed.add(1, &[KeyValue::new("event", meta.event_type.name)]);
        let (span, ordering_key) = (self.span::<S>(record, &meta), Some(meta.subject.to_string()));
        Ok(Some(ReactionTo { command, meta, ordering_key, span }))
    }

    fn span<S: Service>(&self, record: &Record<'_>, meta: &Meta) -> Span {
        let parent = Trace::from_headers(record.text_header(TRACEPARENT), record.text_header(TRACESTATE));
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        self.spans.process(event_attributes(meta), topic, partition, offset, S::Public::OWNER, &parent)
    }
}

/// The input that a record and the reaction to it lead to. `inbound` copies the record, with its ordering key.
fn input<S: Service>(
    record: &Record<'_>,
    reaction: Result<Option<ReactionTo<S>>, Failure>,
    inbound: impl FnOnce(Option<String>) -> InboundRecord,
) -> Option<Input<S>> {
    match reaction {
        Ok(None) => None,
        Ok(Some(reaction)) => {
            let inbound = inbound(reaction.ordering_key.clone());
            Some(reaction.into_input(inbound))
        }
        Err(failure) => {
            let ordering_key = record.text_header("ce_subject").filter(|key| is_ordering_key(key)).map(str::to_owned);
            Some(Input::Rejected(inbound(ordering_key), failure))
        }
    }
}

/// The event of a record and the command that follows. Returns `None` if the service does not react to the event type; the
/// record must keep its contract all the same.
fn react<S: Service>(record: &Record<'_>) -> Result<Option<(Meta, S::Command)>, ContractError> {
    let header = |name: &str| record.header(name);
    let suite = S::Public::SUITE;
    let event_type_of = |ce_type: &str| S::event_type_of(ce_type).or_else(|| (suite.event_type_of)(ce_type));
    match cloudevent::read(record.topic(), header, event_type_of)? {
        Envelope::Known { meta, version } => {
            let Some(reaction) = S::reaction_to(meta.event_type) else {
                meta.check(suite, version, record.payload())?;
                return Ok(S::observe(&meta, version, record.payload()).map(|command| (*meta, command)));
            };
            let command = reaction.read(&meta, version, record.payload())?;
            Ok(command.map(|command| (*meta, command)))
        }
        Envelope::Unknown { ce_type } => {
            debug!(ce_type, topic = record.topic(), "ignored an unknown event type");
            Ok(None)
        }
    }
}

fn class(error: &ContractError) -> Class {
    if error.is_newer_version() { Class::Version } else { Class::Contract }
}

/// The reaction to the event of a record.
struct ReactionTo<S: Service> {
    command: S::Command,
    meta: Meta,
    ordering_key: Option<String>,
    span: Span,
}

impl<S: Service> ReactionTo<S> {
    fn into_input(self, record: InboundRecord) -> Input<S> {
        let cause = Cause {
            correlation_id: Some(self.meta.correlation_id),
            event_id: Some(self.meta.id),
            hops: self.meta.hops.saturating_add(1),
            trace: self.span.trace().clone(),
        };
        Input::Command(CommandInput {
            message: Some(self.meta.id.0),
            command: self.command,
            cause,
            answers: None,
            reply: Reply::None,
            span: Some(self.span),
            wave: self.meta.replay,
            record: Some(Box::new(record)),
        })
    }
}
