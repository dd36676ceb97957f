//! Inputs of the processor: commands and records, with their causes and failures.

mod failure;
mod inbound_record;

use cloudevent::{CorrelationId, EventId};
use decider::{Service, StreamId};
use serde::{Deserialize, Serialize};
use telemetry::{Span, Trace};
use tokio::sync::oneshot;
use uuid::Uuid;

pub(crate) use failure::{Class, Failure, RetryPolicy};
pub(crate) use inbound_record::InboundRecord;
#[cfg(test)]
pub(crate) use inbound_record::record;

/// The cause of a command. The events that follow inherit it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The original request. `None` means that of the first event of the stream.
    pub correlation_id: Option<CorrelationId>,
    /// The contract event that caused the command, if one did.
    pub event_id: Option<EventId>,
    /// Length of the chain of causing events.
    pub hops: u32,
    /// The place in a trace at which the command is handled.
    pub trace: Trace,
}

/// One input of a batch.
pub(crate) enum Input<S: Service> {
    Command(CommandInput<S>),
    /// A record that leads to no command because of a failure. It is parked or becomes a dead letter.
    Rejected(InboundRecord, Failure),
    /// A parked record that leads to no command any more, or a record that only closes a dead letter.
    Ignored(InboundRecord),
    /// A stream whose public events are to be published again.
    Replay(ReplayInput),
}

/// The start of a wave at one stream.
pub(crate) struct ReplayInput {
    pub(crate) stream: StreamId,
    pub(crate) wave: Uuid,
    /// Receives whether the stream joined the wave, which it does once.
    pub(crate) reply: oneshot::Sender<bool>,
}

/// A command with its origin and the recipient of its result.
pub(crate) struct CommandInput<S: Service> {
    /// Id by which the stream that the command is about recognizes it. `None` means that each command takes effect.
    pub(crate) message: Option<Uuid>,
    pub(crate) command: S::Command,
    pub(crate) cause: Cause,
    /// Position of the provider call that this command answers.
    pub(crate) answers: Option<i64>,
    pub(crate) reply: Reply<S>,
    /// Ends when the events that follow are committed.
    pub(crate) span: Option<Span>,
    /// The wave in which the causing event was published again. The stream that the command is about joins it.
    pub(crate) wave: Option<Uuid>,
    /// The record that led to the command.
    pub(crate) record: Option<Box<InboundRecord>>,
}

/// The recipient of a command's result.
pub(crate) enum Reply<S: Service> {
    None,
    /// Receives the state that follows.
    State(oneshot::Sender<Result<Decision<S>, Failure>>),
    /// Receives only whether the command was handled.
    Ack(oneshot::Sender<Result<(), Failure>>),
}

/// The durable result of a command.
#[derive(Debug)]
pub struct Decision<S: Service> {
    /// State of all streams that the command concerns, together.
    pub state: S::State,
    /// The events that followed. Empty if the command had no effect, or was a duplicate.
    pub events: Vec<S::Event>,
    /// Correlation id of the stream that the command is about. `None` if the stream does not exist.
    pub correlation_id: Option<CorrelationId>,
}

impl<S: Service> Input<S> {
    /// The record that led to the input, if one did.
    pub(crate) fn record(&self) -> Option<&InboundRecord> {
        match self {
            Self::Command(input) => input.record.as_deref(),
            Self::Rejected(record, _) | Self::Ignored(record) => Some(record),
            Self::Replay(_) => None,
        }
    }
}

impl<S: Service> Reply<S> {
    pub(crate) fn wants_state(&self) -> bool {
        matches!(self, Self::State(_))
    }
}
