//! Actions, and the log of what they did.

use std::fmt;

use catalog::ServiceName;
use contracts::OrderId;
use decider::Trigger;

use crate::config::letter;

/// One possible action. Orders, calls and records are identified by their index.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Place(usize),
    Cancel(usize),
    /// The order's timer is due: its deadline passes, or the time of a wave comes.
    PassDeadline(usize),
    Dispatch(usize),
    Deliver(ServiceName, usize),
    Redeliver(ServiceName, usize),
    /// A pending record is lost.
    Lose(ServiceName, usize),
    /// The provider executes a call.
    Perform(usize),
    /// A response of the provider arrives.
    Answer(usize, usize),
}

/// A trigger and the command that followed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CausedBy {
    pub(crate) trigger: Trigger,
    pub(crate) command: &'static str,
}

/// An observed reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Observed {
    pub service: &'static str,
    pub trigger: Trigger,
    pub command: &'static str,
    /// Resulting event, immediate or after a provider's response. `None` stands for the command itself.
    pub emits: Option<&'static str>,
}

/// An action in a schedule, with the events that it published.
#[derive(Debug, Clone)]
pub struct ScheduleStep {
    /// A service, a person, a provider or the clock.
    pub actor: &'static str,
    pub verb: &'static str,
    /// An event, a call or another noun.
    pub object: &'static str,
    pub(crate) order: OrderId,
    pub published: Vec<&'static str>,
}

impl fmt::Display for ScheduleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} of {}", self.actor, self.verb, self.object, letter(self.order))?;
        if self.published.is_empty() { Ok(()) } else { write!(f, " => {}", self.published.join(", ")) }
    }
}
