//! Deciders, and the policy that places one among other services.

use std::fmt;

use cloudevent::{Contract, EventType, Meta};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    log_event::{InternalEvent, LogEvent},
    named::Named,
    reaction::Reaction,
    stream_id::StreamId,
};

/// Decides which events follow from commands. Cannot fail: a business failure is an event.
pub trait Decider: Sized + 'static {
    /// State on which decisions depend. The default is the state before any event.
    type State: Clone + Default + fmt::Debug + Send + Sync + Serialize + DeserializeOwned;
    /// Requests and reactions that the decider accepts.
    type Command: Named + fmt::Debug + Send + 'static;
    /// Facts that `decide` returns and `evolve` applies.
    type Event: Clone + fmt::Debug + Send + 'static;

    /// Events that follow from the command in this state. Returns none for a late, early or repeated command: deciding
    /// again on the state that follows must yield no events.
    fn decide(state: &Self::State, command: &Self::Command) -> Vec<Self::Event>;

    /// The state after the event.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// The state before any event.
    fn initial() -> Self::State {
        Self::State::default()
    }

    /// The state after all these events.
    fn fold<'a>(state: Self::State, events: impl IntoIterator<Item = &'a Self::Event>) -> Self::State {
        events.into_iter().fold(state, Self::evolve)
    }
}

/// A decider with its policy: reactions, provider calls, timers, and the layout of its state in streams.
///
/// Four types, two constants and [`Service::streams`] are required. The rest has defaults that suit a service which
/// decides on one stream at a time, calls no provider and sets no timers.
pub trait Service: Decider<Event = LogEvent<Self::Public, Self::Internal>> {
    /// Contract events that this service owns. It can publish nothing else.
    /// [`NoPublicEvents`](cloudevent::NoPublicEvents) makes the service a reader: it owns no topic, joins no consumer group and
    /// reads all partitions of the topics that it consumes.
    type Public: Contract;
    /// Events that are never published; [`NoInternalEvents`](crate::NoInternalEvents) if there are none.
    type Internal: InternalEvent;
    /// A call to a provider, as data; [`NoIntent`] if the service calls none.
    type Intent: fmt::Debug + Send + Sync + Serialize + DeserializeOwned + 'static;

    /// The service's column of the saga table, made by [`reactions!`](crate::reactions).
    const REACTIONS: &'static [Reaction<Self::Command>];

    /// Categories of all streams that the service writes.
    const CATEGORIES: &'static [&'static str];

    /// Version of the serialized [`Decider::State`]. Increase it with every change that old snapshots do not fit: they
    /// are then ignored, and states are rebuilt from events.
    const STATE_VERSION: u32 = 1;

    /// Streams that deciding on this command needs; the first is the one that the command is about. Called twice: with
    /// the initial state, then with the merged state of the streams that the first call named.
    fn streams(command: &Self::Command, state: &Self::State) -> Vec<StreamId>;

    /// Stream that the event is written to, if it is not the one that its command is about. The id of the stream of a
    /// contract event is the event's subject.
    fn stream_of(_event: &Self::Event) -> Option<StreamId> {
        None
    }

    /// State of several streams together.
    fn merge(parts: Vec<&Self::State>) -> Self::State {
        parts.first().copied().cloned().unwrap_or_default()
    }

    /// Provider call that the event requests. The runtime makes it after the event is stored, and repeats it with the
    /// same idempotency key until it is answered.
    fn intent(_event: &Self::Event) -> Option<Self::Intent> {
        None
    }

    /// Time of the stream's next timer, unless an event changes it before.
    fn next_timer(_state: &Self::State) -> Option<Timestamp> {
        None
    }

    /// Command that follows when the stream's timer is due, at this time.
    fn on_timer(_stream: &StreamId, _now: Timestamp) -> Option<Self::Command> {
        None
    }

    /// Returns true if all services are to publish their facts about the stream's subject again after this event, because
    /// one may be missing.
    fn starts_wave(_event: &Self::Event) -> bool {
        false
    }

    /// Contribution of the event to the saga's metrics, in the state after it.
    fn metric(_state: &Self::State, _event: &Self::Event) -> Option<SagaMetric> {
        None
    }

    /// Status of the stream in one word, by which streams are listed and filtered.
    fn status(_state: &Self::State) -> &'static str {
        "open"
    }

    /// Command that follows from another service's event, whose data is an [`EventData`](cloudevent::EventData).
    fn react(meta: &Meta, data: &dyn std::any::Any) -> Option<Self::Command> {
        Self::reaction_to(meta.event_type)?.handle(meta, data)
    }

    /// Command that follows from another service's event without a row in the table. For readers, which record every event;
    /// such a service also overrides [`Service::consumes`]. `data` is JSON, written in `version`.
    fn observe(_meta: &Meta, _version: &str, _data: &[u8]) -> Option<Self::Command> {
        None
    }

    /// The reaction to events of this type, if the service has one.
    fn reaction_to(event_type: &EventType) -> Option<&'static Reaction<Self::Command>> {
        Self::REACTIONS.iter().find(|reaction| reaction.event() == Some(event_type))
    }

    /// The event type of this `ce_type`, if the service reacts to it.
    fn event_type_of(ce_type: &str) -> Option<&'static EventType> {
        Self::REACTIONS.iter().filter_map(Reaction::event).find(|event| event.is(ce_type))
    }

    /// Topics with the events that the service reacts to.
    fn consumes() -> Vec<&'static str> {
        let topics = Self::REACTIONS.iter().filter_map(Reaction::event).map(|event| event.topic);
        let mut consumed: Vec<_> = Vec::new();
        for topic in topics {
            if !consumed.contains(&topic) {
                consumed.push(topic);
            }
        }
        consumed
    }
}

/// Contribution of an event to the saga's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SagaMetric {
    /// A saga ended.
    Completed {
        /// In one word, such as `confirmed`.
        outcome: &'static str,
        /// Reason for compensation, if it was compensated.
        reason: Option<&'static str>,
        started_at: Timestamp,
    },
    /// A step was compensated.
    Compensated { reason: &'static str },
}

/// Provider calls of a service that makes none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum NoIntent {}
