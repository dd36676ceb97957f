//! What the processor works on.

use cloudevent::{CorrelationId, EventId};
use decider::Service;
use serde::{Deserialize, Serialize};
use telemetry::{Span, Trace};
use tokio::sync::oneshot;
use uuid::Uuid;

mod failure;
mod inbound_record;

pub(crate) use failure::{Class, Failure, RetryPolicy};
pub(crate) use inbound_record::InboundRecord;
#[cfg(test)]
pub(crate) use inbound_record::record;

/// Why something is done. Events that follow from it carry it on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The request it all began with; `None`: whatever the stream's first event had.
    pub correlation_id: Option<CorrelationId>,
    /// The contract event it follows from, if it does.
    pub event_id: Option<EventId>,
    /// How many events led to this.
    pub hops: u32,
    /// Where in a trace this is done.
    pub trace: Trace,
}

/// One thing to handle, inside a transaction with others.
pub(crate) enum Input<S: Service> {
    /// To decide on.
    Command(CommandInput<S>),
    /// A record that can't be made into a command: to be parked, or to become a dead letter.
    Aside(InboundRecord, Failure),
    /// A record that was parked and leads nowhere now.
    Nowhere(InboundRecord),
}

/// A command, where it comes from and who waits for what becomes of it.
pub(crate) struct CommandInput<S: Service> {
    /// Recognizes it when it comes again; `None`: each one counts.
    pub(crate) message: Option<Uuid>,
    pub(crate) command: S::Command,
    pub(crate) cause: Cause,
    /// The event whose call to the outside world this answers.
    pub(crate) answers: Option<EventId>,
    pub(crate) reply: Reply<S>,
    /// Ends when what follows is committed.
    pub(crate) span: Option<Span>,
    /// The record that it was made of, if it was.
    pub(crate) arrival: Option<Box<InboundRecord>>,
}

/// Who waits for what becomes of a command.
pub(crate) enum Reply<S: Service> {
    /// Nobody.
    Nobody,
    /// Somebody who wants to know the state that follows.
    Decided(oneshot::Sender<Result<Decided<S>, Failure>>),
    /// Somebody who only wants to know that it is handled.
    Handled(oneshot::Sender<Result<(), Failure>>),
}

/// What became of a command, durably.
#[derive(Debug)]
pub struct Decided<S: Service> {
    /// What is known now about everything that the command concerned.
    pub state: S::State,
    /// What happened; empty when it led nowhere, or was recognized as one handled before.
    pub events: Vec<S::Event>,
    /// The correlation id of the stream that the command is about; `None` when nothing is known of it.
    pub correlation_id: Option<CorrelationId>,
}

impl<S: Service> Input<S> {
    /// The record that it was made of, if it was.
    pub(crate) fn arrival(&self) -> Option<&InboundRecord> {
        match self {
            Self::Command(input) => input.arrival.as_deref(),
            Self::Aside(arrival, _) | Self::Nowhere(arrival) => Some(arrival),
        }
    }
}

impl<S: Service> Reply<S> {
    /// Whether the state that follows is wanted.
    pub(crate) fn wants_state(&self) -> bool {
        matches!(self, Self::Decided(_))
    }
}
