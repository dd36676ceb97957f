//! Everything that a service gets from this crate: stored events, stream names, reactions, and defaults.

use cloudevent::{Contract, CorrelationId, EventData, EventId, Meta, upcast::Step};
use decider::{Decider, LogError, LogEvent, NoIntent, Reaction, ReactionInfo, Service, StreamId, Trigger, reactions};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const UPCASTS: &[Step] = &[Step {
    event: "Ordered",
    from: "2026-10",
    to: "2026-11",
    apply: |data| {
        data.insert("cups".into(), 1.into());
        Ok(())
    },
}];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct Ordered {
    table: String,
    cups: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
struct Brewed {
    table: String,
}

cloudevent::contract! {
    /// Facts of the waiter.
    WaiterEvent, owner "waiter", topic "waiter.events", namespace "com.example.", upcasts UPCASTS,
    subject table as "table" { Ordered, "2026-11"; }
}

cloudevent::contract! {
    /// Facts of the kitchen.
    KitchenEvent, owner "kitchen", topic "kitchen.events", namespace "com.example.", upcasts UPCASTS,
    subject table as "table" { Brewed, "2026-11"; }
}

/// Brews one pot for each table that orders.
#[derive(Debug)]
struct Kitchen;

#[derive(Debug, strum::IntoStaticStr)]
enum Command {
    Brew { table: String, cups: u32 },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
enum KitchenStep {
    #[serde(alias = "WaterHeated")]
    Heated { cups: u32 },
}

type Event = LogEvent<KitchenEvent, KitchenStep>;

impl Decider for Kitchen {
    type State = u32;
    type Command = Command;
    type Event = Event;

    fn decide(brewed: &u32, Command::Brew { table, cups }: &Command) -> Vec<Event> {
        if *brewed > 0 { vec![] } else { vec![heated(*cups), brewed_for(table)] }
    }

    fn evolve(brewed: u32, event: &Event) -> u32 {
        match event {
            LogEvent::Internal(KitchenStep::Heated { cups }) => brewed + cups,
            LogEvent::Public(KitchenEvent::Brewed(_)) => brewed,
        }
    }
}

impl Service for Kitchen {
    type Public = KitchenEvent;
    type Internal = KitchenStep;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &["pot"];
    const REACTIONS: &'static [Reaction<Self>] = reactions! {
        on Ordered(ordered, _meta) => Brew { table: ordered.table.clone(), cups: ordered.cups }: "brews", [Brewed];
        request "cook" => Brew: "brews by hand", [Brewed];
        deadline => Brew: "brews in the morning", [];
    };

    fn streams(Command::Brew { table, .. }: &Command, _: &u32) -> Vec<StreamId> {
        vec![StreamId::new("pot", table)]
    }
}

fn heated(cups: u32) -> Event {
    LogEvent::Internal(KitchenStep::Heated { cups })
}

fn brewed_for(table: &str) -> Event {
    LogEvent::Public(Brewed { table: table.into() }.into())
}

fn ordered() -> Ordered {
    Ordered { table: "7".into(), cups: 2 }
}

fn meta(event: &impl EventData, event_type: &'static cloudevent::EventType) -> Meta {
    Meta {
        id: EventId::default(),
        event_type,
        subject: event.subject(),
        time: Timestamp::UNIX_EPOCH,
        correlation_id: CorrelationId::default(),
        causation_id: None,
        hops: 0,
    }
}

// Defaults

#[test]
fn fold_applies_events_in_order() {
    assert_eq!(Kitchen::fold(Kitchen::initial(), &[heated(2), brewed_for("7"), heated(3)]), 5);
    assert_eq!(Kitchen::fold(4, &[]), 4);
}

#[test]
fn merge_returns_the_only_state() {
    assert_eq!(Kitchen::merge(vec![&7]), 7);
    assert_eq!(Kitchen::merge(vec![]), Kitchen::initial());
}

#[test]
fn service_defaults_add_nothing() {
    assert_eq!(Kitchen::stream_of(&heated(1)), None);
    assert!(Kitchen::intent(&heated(1)).is_none());
    assert_eq!(Kitchen::next_timer(&1), None);
    assert!(Kitchen::on_timer(&StreamId::new("pot", 7)).is_none());
    assert_eq!(Kitchen::metric(&1, &brewed_for("7")), None);
    assert_eq!(Kitchen::status(&1), "open");
}

// Reactions

#[test]
fn reaction_turns_an_event_into_its_command() {
    let command = Kitchen::react(&meta(&ordered(), Ordered::TYPE), &ordered());
    assert!(matches!(command, Some(Command::Brew { table, cups: 2 }) if table == "7"));
}

#[test]
fn reaction_ignores_events_without_a_row() {
    let brewed = Brewed { table: "7".into() };
    assert!(Kitchen::react(&meta(&brewed, Brewed::TYPE), &brewed).is_none());
    assert!(Reaction::<Kitchen>::event_type_of("com.example.Brewed").is_none());
    assert!(Reaction::<Kitchen>::event_type_of("org.example.Ordered").is_none());
}

#[test]
fn reaction_reads_data_of_older_versions() {
    let event_type = Reaction::<Kitchen>::event_type_of("com.example.Ordered").expect("has a reaction");
    let reaction = Reaction::<Kitchen>::to(event_type).expect("has a reaction");
    let meta = meta(&ordered(), Ordered::TYPE);
    let command = reaction.read(&meta, "2026-10", br#"{"table":"7"}"#).expect("reads");
    assert!(matches!(command, Some(Command::Brew { cups: 1, .. })));
}

#[test]
fn reaction_refuses_data_about_another_subject() {
    let reaction = Reaction::<Kitchen>::to(Ordered::TYPE).expect("has a reaction");
    let error = reaction.read(&meta(&ordered(), Ordered::TYPE), "2026-11", br#"{"table":"8","cups":1}"#);
    assert_eq!(error.expect_err("another table").to_string(), "data is about '8', but ce_subject is '7'");
}

#[test]
fn reactions_describe_every_row() {
    let described = |Reaction { info, .. }: &Reaction<Kitchen>| {
        let ReactionInfo { trigger, command, summary, emits } = *info;
        (trigger, command, summary, emits.iter().map(|event| event.name).collect::<Vec<_>>())
    };
    let expected = [
        (Trigger::Event("Ordered"), "Brew", "brews", vec!["Brewed"]),
        (Trigger::Request("cook"), "Brew", "brews by hand", vec!["Brewed"]),
        (Trigger::Deadline, "Brew", "brews in the morning", vec![]),
    ];
    assert_eq!(Kitchen::REACTIONS.iter().map(described).collect::<Vec<_>>(), expected);
    assert_eq!(Kitchen::consumes(), [WaiterEvent::TOPIC]);
}

// Stored events

#[test]
fn public_event_is_stored_under_name_and_version() {
    let (name, version, data) = brewed_for("7").encode();
    assert_eq!((name, version, data.as_str()), ("Brewed", "2026-11", r#"{"table":"7"}"#));
    assert_eq!(Event::decode(name, version, &data).expect("reads"), brewed_for("7"));
}

#[test]
fn internal_event_is_stored_under_its_variant() {
    let (name, version, data) = heated(2).encode();
    assert_eq!((name, version, data.as_str()), ("Heated", "private", r#"{"Heated":{"cups":2}}"#));
    assert_eq!(Event::decode(name, version, &data).expect("reads"), heated(2));
}

#[test]
fn internal_event_reads_under_its_old_name() {
    assert_eq!(Event::decode("WaterHeated", "private", r#"{"WaterHeated":{"cups":2}}"#).expect("reads"), heated(2));
}

#[test]
fn older_version_reads_as_the_newest() {
    let read = LogEvent::<WaiterEvent, KitchenStep>::decode("Ordered", "2026-10", r#"{"table":"7"}"#).expect("reads");
    assert_eq!(read, LogEvent::Public(Ordered { table: "7".into(), cups: 1 }.into()));
}

#[test]
fn unfit_data_is_an_error_with_its_name() {
    let public = Event::decode("Brewed", "2026-11", "{}").expect_err("has no table");
    assert!(matches!(&public, LogError::Public { name, version, .. } if name == "Brewed" && version == "2026-11"));
    let internal = Event::decode("Heated", "private", "{}").expect_err("has no cups");
    assert!(matches!(&internal, LogError::Internal { name, .. } if name == "Heated"));
}

// Streams

#[test]
fn stream_id_consists_of_category_and_id() {
    let stream = StreamId::new("pot", "TEA-250");
    assert_eq!((stream.as_str(), stream.category(), stream.id()), ("pot-TEA-250", "pot", "TEA-250"));
    assert_eq!(StreamId::parse("pot-TEA-250".into()), Some(stream));
    assert_eq!(StreamId::parse("pot".into()), None);
}

#[test]
fn stream_id_is_typed_in_its_own_category_only() {
    assert_eq!(StreamId::new("pot", 7).id_in::<u32>("pot"), Some(7));
    assert_eq!(StreamId::new("pot", 7).id_in::<u32>("cup"), None);
    assert_eq!(StreamId::new("pot", "x").id_in::<u32>("pot"), None);
}
