//! Tests of a service that counts visitors at doors, with two small contracts.

mod log_event;
mod reaction;
mod service;
mod stream_id;

use cloudevent::{EventData, EventId, Meta, Suite, upcast};
use decider::{Decider, LogEvent, NoIntent, NoInternalEvents, Reaction, Service, StreamId, reactions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoorOpened {
    door: String,
    visitors: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DoorClosed {
    door: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmRaised {
    door: String,
}

cloudevent::contract! {
    /// Events of the doors.
    DoorEvent, owner "door", topic "door.events", suite SUITE, subject door as "door" {
        DoorOpened, "2026-11";
        DoorClosed, "2026-11";
    }
}

cloudevent::contract! {
    /// Events of the alarm.
    AlarmEvent, owner "alarm", topic "alarm.events", suite SUITE, subject door as "door" {
        AlarmRaised, "2026-11";
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VisitorsCounted {
    door: String,
    visitors: u32,
}

const SUITE: &Suite = &Suite {
    name: "test",
    namespace: "test.",
    upcasts: UPCASTS,
    event_type_of: |_| None,
    subject_of: |_, _, _| None,
    schemas: Vec::new,
    schema: |_, _| None,
};
const UPCASTS: &[upcast::Step] =
    &[upcast::Step { event: "VisitorsCounted", from: "2026-10", to: "2026-11", apply: rename_count }];

fn rename_count(data: &mut Map<String, Value>) -> Result<(), &'static str> {
    let count = data.remove("count").ok_or("count is missing")?;
    data.insert("visitors".to_owned(), count);
    Ok(())
}

cloudevent::contract! {
    /// Events of the counter.
    CounterEvent, owner "counter", topic "counter.events", suite SUITE,
    subject door as "door" { VisitorsCounted, "2026-11"; }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
enum Note {
    #[serde(alias = "PeopleCame")]
    VisitorsCame { door: String, by: u32 },
}

#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
enum Command {
    Add { door: String, by: u32, event_id: EventId },
    Close(String),
    Expire,
}

type Event = LogEvent<CounterEvent, Note>;

/// A service that overrides `stream_of` alone.
#[derive(Debug)]
struct Counter;

impl Decider for Counter {
    type State = u32;
    type Command = Command;
    type Event = Event;

    fn decide(state: &u32, command: &Command) -> Vec<Event> {
        match command {
            Command::Add { door, by, .. } => vec![visitors_came(door, *by)],
            Command::Close(door) => vec![visitors_counted(door, *state)],
            Command::Expire => vec![],
        }
    }

    fn evolve(state: u32, event: &Event) -> u32 {
        match event {
            LogEvent::Internal(Note::VisitorsCame { by, .. }) => state + by,
            LogEvent::Public(_) => state,
        }
    }
}

impl Service for Counter {
    type Public = CounterEvent;
    type Internal = Note;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &["door", "visitors"];
    const REACTIONS: &'static [Reaction<Command>] = reactions! {
        on DoorOpened(opened, meta) => Add { door: opened.door.clone(), by: opened.visitors, event_id: meta.id }:
            "counts the visitors", [];
        on AlarmRaised(raised) => Close(raised.door.clone()): "publishes the count", [VisitorsCounted];
        on DoorClosed(closed) => Close(closed.door.clone()): "publishes the count", [VisitorsCounted];
        request "guard" => Close: "publishes the count", [VisitorsCounted];
        deadline => Expire: "does nothing", [];
    };

    fn streams(command: &Command, _: &u32) -> Vec<StreamId> {
        match command {
            Command::Add { door, .. } => vec![StreamId::new("door", door), StreamId::new("visitors", door)],
            Command::Close(door) => vec![StreamId::new("door", door)],
            Command::Expire => vec![StreamId::new("door", "all")],
        }
    }

    fn stream_of(event: &Event) -> Option<StreamId> {
        match event {
            LogEvent::Internal(Note::VisitorsCame { door, .. }) => Some(StreamId::new("visitors", door)),
            LogEvent::Public(_) => None,
        }
    }
}

/// A service with all defaults.
#[derive(Debug)]
struct Idle;

impl Decider for Idle {
    type State = u32;
    type Command = Command;
    type Event = LogEvent<CounterEvent, NoInternalEvents>;

    fn decide(_: &u32, _: &Command) -> Vec<Self::Event> {
        vec![]
    }

    fn evolve(state: u32, _: &Self::Event) -> u32 {
        state + 1
    }
}

impl Service for Idle {
    type Public = CounterEvent;
    type Internal = NoInternalEvents;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &["idle"];
    const REACTIONS: &'static [Reaction<Command>] = reactions! {};

    fn streams(_: &Command, _: &u32) -> Vec<StreamId> {
        vec![StreamId::new("idle", 1)]
    }
}

fn visitors_came(door: &str, by: u32) -> Event {
    LogEvent::Internal(Note::VisitorsCame { door: door.to_owned(), by })
}

fn visitors_counted(door: &str, visitors: u32) -> Event {
    LogEvent::Public(VisitorsCounted { door: door.to_owned(), visitors }.into())
}

fn opened() -> DoorOpened {
    DoorOpened { door: "west".to_owned(), visitors: 3 }
}

fn meta<E: EventData>(event: &E) -> Meta {
    Meta {
        id: EventId(Uuid::from_u128(0xaa)),
        event_type: E::TYPE,
        subject: event.subject(),
        time: "2026-11-23T10:00:00Z".parse().expect("a time"),
        correlation_id: cloudevent::CorrelationId(Uuid::from_u128(0xbb)),
        causation_id: None,
        hops: 0,
        sequence: None,
        replay: None,
    }
}
