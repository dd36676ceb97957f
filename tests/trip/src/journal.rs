//! The journal, a reader: records every event of both services, and publishes nothing.

use std::collections::BTreeMap;

use cloudevent::{EventData as _, Meta, NoPublicEvents, ReaderIdentity, Suite};
use decider::{Decider, LogEvent, NoIntent, Reaction, Service, StreamId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::contracts::{FlightBooked, RoomBooked, SUITE};

pub struct Journal;

impl ReaderIdentity for Journal {
    const SERVICE: &'static str = "journal";
    const SUITE: &'static Suite = SUITE;
    const SUBJECT_ATTRIBUTE: &'static str = "trip.id";
}

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    Record { subject: String, event_id: Uuid, name: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum JournalEntry {
    Recorded { event_id: Uuid, name: String },
}

/// The recorded events about one trip: names by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub events: BTreeMap<Uuid, String>,
}

impl Decider for Journal {
    type State = State;
    type Command = Command;
    type Event = LogEvent<NoPublicEvents<Self>, JournalEntry>;

    fn decide(state: &State, Command::Record { event_id, name, .. }: &Command) -> Vec<Self::Event> {
        if state.events.contains_key(event_id) {
            return vec![];
        }
        vec![LogEvent::Internal(JournalEntry::Recorded { event_id: *event_id, name: name.clone() })]
    }

    fn evolve(mut state: State, event: &Self::Event) -> State {
        match event {
            LogEvent::Internal(JournalEntry::Recorded { event_id, name }) => {
                state.events.insert(*event_id, name.clone());
            }
            LogEvent::Public(event) => match event.never {},
        }
        state
    }
}

impl Service for Journal {
    type Public = NoPublicEvents<Self>;
    type Internal = JournalEntry;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &["journal"];
    const REACTIONS: &'static [Reaction<Command>] = &[];

    fn consumes() -> Vec<&'static str> {
        vec![FlightBooked::TYPE.topic, RoomBooked::TYPE.topic]
    }

    fn observe(meta: &Meta, _: &str, _: &[u8]) -> Option<Command> {
        let (subject, name) = (meta.subject.to_string(), meta.event_type.name.to_owned());
        Some(Command::Record { subject, event_id: meta.id.0, name })
    }

    fn streams(Command::Record { subject, .. }: &Command, _: &State) -> Vec<StreamId> {
        vec![StreamId::new("journal", subject)]
    }
}
