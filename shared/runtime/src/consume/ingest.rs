//! Records become inputs.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use cloudevent::{Contract, ContractError, Envelope, Meta};
use contracts::OrderId;
use decider::{Reaction, Service};
use messaging::{Record, dead_letters::REDRIVE_TOPIC};
use store::Parked;
use telemetry::{EventAttributes, KeyValue, Metrics, Span, Spans, TRACEPARENT, TRACESTATE, Trace};
use tokio::sync::oneshot;
use tracing::debug;

use crate::{
    input::{Cause, Class, CommandInput, Failure, InboundRecord, Input, Reply},
    planted::{self, Bug},
};

/// Events that may lead to one another, one after the other. The longest way of a saga is far shorter; beyond this, what
/// goes on is a loop, and its next event is put aside.
const HOPS_MAX: u32 = 32;

/// Makes records into inputs.
#[derive(Clone)]
pub(crate) struct Ingest {
    /// Where an operator sends records that are to be tried once more.
    pub(crate) redrive_topic: String,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) spans: Spans,
}

/// What spans say of an event.
pub(crate) fn about(meta: &Meta) -> EventAttributes<'_> {
    let (message_id, order_id, correlation_id) = (&meta.id, &meta.subject, &meta.correlation_id);
    EventAttributes { event: meta.event_type.name, message_id, order_id, correlation_id }
}

impl Ingest {
    /// The input that the record leads to; `None` when the service has nothing to do about it.
    pub(crate) fn read<S: Service>(&self, record: &Record<'_>) -> Option<Input<S>> {
        if record.topic() == self.redrive_topic
            && let Some(origin) = record.text_header(REDRIVE_TOPIC)
        {
            return self.read_as::<S>(&record.as_of(origin));
        }
        self.read_as(record)
    }

    fn read_as<S: Service>(&self, record: &Record<'_>) -> Option<Input<S>> {
        match self.command::<S>(record) {
            Ok(None) => None,
            Ok(Some(read)) => {
                let arrival = InboundRecord::new(record, read.order_id);
                Some(read.into_input(arrival))
            }
            Err(_) if planted::is(Bug::RetryPoisonForever) => planted::hang(),
            Err(failure) => {
                let order_id = record.text_header("ce_subject").and_then(|id| id.parse().ok());
                Some(Input::Aside(InboundRecord::new(record, order_id), failure))
            }
        }
    }

    /// The input that a record which was parked leads to now, and the end of its attempt.
    pub(crate) fn retry<S: Service>(&self, parked: Parked) -> (Input<S>, oneshot::Receiver<()>) {
        let (arrival, over) = InboundRecord::parked(parked);
        let input = match self.command::<S>(&arrival.record()) {
            Ok(None) => Input::Nowhere(arrival),
            Ok(Some(read)) => read.into_input(arrival),
            Err(failure) => Input::Aside(arrival, failure),
        };
        (input, over)
    }

    fn command<S: Service>(&self, record: &Record<'_>) -> Result<Option<Read<S>>, Failure> {
        let read = || react::<S>(record).map_err(|error| Failure::new(class(&error), error.to_string()));
        let read = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| Err(Failure::panic(&*panic)))?;
        let Some((meta, command)) = read else { return Ok(None) };
        if meta.hops >= HOPS_MAX {
            return Err(Failure::new(Class::Loop, format!("{} events led to it, one after the other", meta.hops)));
        }
        self.metrics.consumed.add(1, &[KeyValue::new("event", meta.event_type.name)]);
        Ok(Some(Read { command, span: self.span::<S>(record, &meta), order_id: meta.subject.parse(), meta }))
    }

    fn span<S: Service>(&self, record: &Record<'_>, meta: &Meta) -> Span {
        let parent = Trace::from_headers(record.text_header(TRACEPARENT), record.text_header(TRACESTATE));
        let group = S::Public::OWNER;
        self.spans.process(about(meta), record.topic(), record.partition(), record.offset(), group, &parent)
    }
}

/// The event of a record and the command that follows from it; `None` if the service does not react to its type.
fn react<S: Service>(record: &Record<'_>) -> Result<Option<(Meta, S::Command)>, ContractError> {
    let header = |name: &str| record.header(name);
    match cloudevent::read(record.topic(), header, Reaction::<S>::event_type_of)? {
        Envelope::Known { meta, version } => {
            let Some(reaction) = Reaction::<S>::to(meta.event_type) else { return Ok(None) };
            let command = reaction.read(&meta, version, record.payload())?;
            Ok(command.map(|command| (*meta, command)))
        }
        Envelope::Unknown { ce_type } => {
            debug!(ce_type, topic = record.topic(), "ignored an event type without a reaction");
            Ok(None)
        }
    }
}

fn class(error: &ContractError) -> Class {
    if error.is_newer_version() { Class::Version } else { Class::Contract }
}

/// A record that leads to a command.
struct Read<S: Service> {
    command: S::Command,
    meta: Meta,
    order_id: Option<OrderId>,
    span: Span,
}

impl<S: Service> Read<S> {
    fn into_input(self, arrival: InboundRecord) -> Input<S> {
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
            reply: Reply::Nobody,
            span: Some(self.span),
            arrival: Some(Box::new(arrival)),
        })
    }
}
