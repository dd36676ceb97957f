//! What the pure core of a service is. No I/O, clock, randomness or async: what a decision needs from outside comes in
//! as data, and what it wants from outside goes out as data.
//!
//! - A [`Decider`] decides which events follow from a command, and what state follows from events.
//! - A [`Service`] is a decider with its *policy*: which command follows from another service's event ([`Service::react`]),
//!   which call to the outside world from its own ([`Service::intent`]), and when it wants to be woken.
//! - [`LogEvent`] is an event in a service's own log: public (it goes to the outbox) or private.
//!
//! Everything else (Kafka, the database, HTTP) is the shell's, which runs any [`Service`].

use std::fmt;

use contracts::{CancelReason, Contract, OrderId, Received, Sku, upcast};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// Decides what happens. `decide` looks, `evolve` remembers; neither can fail: a business failure is an event.
pub trait Decider: Sized + 'static {
    /// What is known. The default is what is known before anything happened.
    type State: Clone + Default + fmt::Debug + Send + Sync + Serialize + DeserializeOwned;
    /// What somebody wants.
    type Command: fmt::Debug + Send + 'static;
    /// What happened.
    type Event: Clone + fmt::Debug + Send + 'static;

    /// The state before any event.
    fn initial() -> Self::State {
        Self::State::default()
    }

    /// The events that the command leads to in this state. None when it leads nowhere, because it came too late, too
    /// early or once more: deciding again on the state that follows must yield nothing new.
    fn decide(state: &Self::State, command: &Self::Command) -> Vec<Self::Event>;

    /// The state after the event.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// The state after all these events.
    fn fold<'a>(state: Self::State, events: impl IntoIterator<Item = &'a Self::Event>) -> Self::State {
        events.into_iter().fold(state, Self::evolve)
    }
}

/// A decider in its surroundings: what it reacts to, what it calls, and how its state is laid out in streams.
pub trait Service: Decider<Event = LogEvent<Self::Public, Self::Internal>> {
    /// The contract events that this service owns; nothing else can get into its outbox.
    type Public: Contract;
    /// Events that nobody else sees.
    type Internal: InternalEvent;
    /// A call to the outside world, as data.
    type Intent: fmt::Debug + Send + Sync + Serialize + DeserializeOwned + 'static;

    /// The topics with the events that this service reacts to.
    const CONSUMES: &'static [&'static str];

    /// The categories of all its streams: every stream that [`Service::stream_of`] names is in one of them.
    const CATEGORIES: &'static [&'static str];

    /// The service's column of the saga table. Documents and diagrams are made of it, and `tests/verification/model` proves that it
    /// says what the decider and the policy do, no more and no less.
    const REACTIONS: &'static [Reaction];

    /// The command's name, as [`Reaction::command`] has it.
    fn command_name(command: &Self::Command) -> &'static str;

    /// The policy: the command that follows from another service's event, if any.
    fn react(received: &Received) -> Option<Self::Command>;

    /// The call to the outside world that this event asks for. It is made after the event is safely stored, and made
    /// again with the same key when its answer was lost.
    fn intent(event: &Self::Event) -> Option<Self::Intent>;

    /// When this state wants to be woken by [`Service::wake`], if nothing happens before.
    fn next_timer(state: &Self::State) -> Option<Timestamp>;

    /// The command that follows from the time that [`Service::next_timer`] gave for the stream.
    fn on_timer(stream: &StreamId) -> Option<Self::Command>;

    /// The streams that deciding on this command needs; the first is the one that the command is about. Asked twice:
    /// with the initial state, then with the state of the streams that the first answer named.
    fn streams(command: &Self::Command, state: &Self::State) -> Vec<StreamId>;

    /// The stream that the event is written to.
    fn stream_of(event: &Self::Event) -> StreamId;

    /// One state of the states of several streams. A service that decides on one stream at a time has nothing to do.
    fn merge(parts: Vec<&Self::State>) -> Self::State {
        parts.first().copied().cloned().unwrap_or_default()
    }

    /// What the event means to those who watch the suite, in the state that it led to.
    fn metric(_state: &Self::State, _event: &Self::Event) -> Option<SagaMetric> {
        None
    }

    /// One word for the stream's state, by which streams are listed and filtered.
    fn status(state: &Self::State) -> &'static str;
}

/// What a service does when something happened.
#[derive(Debug, Clone, Copy)]
pub struct Reaction {
    /// What happened.
    pub to: Trigger,
    /// The command that follows.
    pub command: &'static str,
    /// What that means, in a few words with the service as their subject.
    pub words: &'static str,
    /// The contract events that may come of it, at once or after a provider's answer.
    pub emits: &'static [&'static str],
}

type Names = &'static [&'static str];

impl Reaction {
    /// To another service's event.
    pub const fn to(event: &'static str, command: &'static str, words: &'static str, emits: Names) -> Self {
        Self { to: Trigger::Event(event), command, words, emits }
    }

    /// To somebody who asks by HTTP.
    pub const fn asked_by(who: &'static str, command: &'static str, words: &'static str, emits: Names) -> Self {
        Self { to: Trigger::Request(who), command, words, emits }
    }

    /// To a time that has come.
    pub const fn at_deadline(command: &'static str, words: &'static str, emits: Names) -> Self {
        Self { to: Trigger::Deadline, command, words, emits }
    }
}

/// Why something is done in a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// An event of another service, by its name.
    Event(&'static str),
    /// Somebody asks by HTTP.
    Request(&'static str),
    /// A time has come.
    Deadline,
}

/// Something that is counted and timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SagaMetric {
    /// A saga came to an end.
    Ended {
        /// Which end, in one word.
        outcome: &'static str,
        /// Why, if it was undone.
        reason: Option<CancelReason>,
        /// When it had begun.
        began: Timestamp,
    },
    /// A step was undone.
    Undone(CancelReason),
}

/// The calls of a service that calls nobody.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum NoIntent {}

/// An event in a service's own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent<Public, Internal> {
    /// A contract event: stored, then published.
    Public(Public),
    /// For this service alone: stored, never published.
    Internal(Internal),
}

/// The version of an event that never leaves its service.
const INTERNAL_VERSION: &str = "private";

/// An event that stays in its service's log. Its variants' names are storage format.
pub trait InternalEvent: Clone + fmt::Debug + Send + Serialize + DeserializeOwned + 'static {
    /// The variant's name.
    fn name(&self) -> &'static str;
}

/// Why an event could not be read back from the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A contract event's data does not fit.
    #[error("{name} {version} in the log: {source}")]
    Public {
        /// The event type.
        name: String,
        /// Its version.
        version: String,
        /// What is wrong.
        source: upcast::Error,
    },
    /// A private event's data does not fit.
    #[error("private event {name} in the log: {source}")]
    Internal {
        /// The variant.
        name: String,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl<Public: Contract, Internal: InternalEvent> LogEvent<Public, Internal> {
    /// The event's name, its version and its data as JSON.
    pub fn encode(&self) -> (&'static str, &'static str, String) {
        match self {
            Self::Public(event) => (event.event_type().name, event.event_type().version, event.to_json()),
            Self::Internal(event) => {
                let json = serde_json::to_string(event).expect("a private event has string keys only");
                (event.name(), INTERNAL_VERSION, json)
            }
        }
    }

    /// Reads an event from the log; older versions are upcast.
    ///
    /// # Errors
    /// The data does not fit the version it was stored with.
    pub fn decode(name: &str, version: &str, data: &str) -> Result<Self, LogError> {
        if version != INTERNAL_VERSION
            && let Some(read) = Public::from_versioned(name, version, data.as_bytes())
        {
            let failed = |source| LogError::Public { name: name.to_owned(), version: version.to_owned(), source };
            return read.map(Self::Public).map_err(failed);
        }
        let failed = |source| LogError::Internal { name: name.to_owned(), source };
        serde_json::from_str(data).map(Self::Internal).map_err(failed)
    }
}

/// Names a stream: one order, one SKU. Written as `<category>-<id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    name: String,
    category_len: usize,
}

impl StreamId {
    /// The stream of an order in a category such as `payment`.
    pub fn of_order(category: &'static str, order_id: OrderId) -> Self {
        let mut id = Uuid::encode_buffer();
        Self::new(category, order_id.0.as_hyphenated().encode_lower(&mut id))
    }

    /// The stream of a SKU in a category such as `stock`.
    pub fn of_sku(category: &'static str, sku: &Sku) -> Self {
        Self::new(category, sku.as_str())
    }

    fn new(category: &'static str, id: &str) -> Self {
        Self { name: [category, "-", id].concat(), category_len: category.len() }
    }

    /// A stream by its full name; `None` when it has no category.
    pub fn parse(name: String) -> Option<Self> {
        let category_len = name.find('-')?;
        Some(Self { name, category_len })
    }

    /// `<category>-<id>`.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// What kind of thing the stream is about.
    pub fn category(&self) -> &str {
        &self.name[..self.category_len]
    }

    /// Which one it is about.
    pub fn id(&self) -> &str {
        &self.name[self.category_len + 1..]
    }

    /// The order it is about, when it is in this category.
    pub fn order_id(&self, category: &str) -> Option<OrderId> {
        if self.category() == category { self.id().parse().ok() } else { None }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
