//! The table of reactions, and decoding by it.

use cloudevent::{Contract as _, ContractError, EventData as _};
use decider::{Named as _, Reaction, Service as _, Trigger};

use crate::{AlarmRaised, Command, Counter, DoorClosed, DoorEvent, DoorOpened, Idle, VisitorsCounted, meta, opened};

fn add(visitors: u32) -> Command {
    Command::Add { door: "west".to_owned(), by: visitors, event_id: meta(&opened()).id }
}

#[test]
fn table_lists_reactions_as_declared() {
    let rows = Counter::REACTIONS.iter().map(|Reaction { info, .. }| {
        let emits: Vec<_> = info.emits.iter().map(|event_type| event_type.name).collect();
        (info.trigger, info.command, info.summary, emits)
    });
    let publishes = |trigger| (trigger, "Close", "publishes the count", vec!["VisitorsCounted"]);
    let expected = [
        (Trigger::Event("DoorOpened"), "Add", "counts the visitors", vec![]),
        publishes(Trigger::Event("AlarmRaised")),
        publishes(Trigger::Event("DoorClosed")),
        publishes(Trigger::Request("guard")),
        (Trigger::Deadline, "Expire", "does nothing", vec![]),
    ];
    assert!(rows.eq(expected));
}

#[test]
fn declared_command_is_the_command_that_follows() {
    let command = Counter::react(&meta(&opened()), &opened()).expect("reacts");
    assert_eq!(command.name(), "Add");
    let reaction = Counter::reaction_to(DoorOpened::TYPE).expect("is in the table");
    assert_eq!(reaction.info.command, command.name());
    let deadline = Counter::REACTIONS.iter().find(|reaction| reaction.info.trigger == Trigger::Deadline);
    assert_eq!(deadline.map(|reaction| reaction.info.command), Some(Command::Expire.name()));
}

#[test]
fn reaction_converts_data_and_metadata() {
    assert_eq!(Counter::react(&meta(&opened()), &opened()), Some(add(3)));
    let closed = DoorClosed { door: "west".to_owned() };
    assert_eq!(Counter::react(&meta(&closed), &closed), Some(Command::Close("west".to_owned())));
}

#[test]
fn service_ignores_events_outside_its_table() {
    let counted = VisitorsCounted { door: "west".to_owned(), visitors: 3 };
    assert_eq!(Counter::react(&meta(&counted), &counted), None);
    assert_eq!(Idle::react(&meta(&opened()), &opened()), None);
    assert!(Counter::reaction_to(VisitorsCounted::TYPE).is_none());
}

#[test]
fn handle_returns_none_when_data_has_another_type() {
    let reaction = Counter::reaction_to(DoorOpened::TYPE).expect("is in the table");
    assert_eq!(reaction.handle(&meta(&opened()), &DoorClosed { door: "west".to_owned() }), None);
}

#[test]
fn event_type_is_found_by_its_full_name() {
    assert_eq!(Counter::event_type_of("test.DoorOpened"), Some(DoorOpened::TYPE));
    assert_eq!(Counter::event_type_of("test.AlarmRaised"), Some(AlarmRaised::TYPE));
    for unknown in ["DoorOpened", "test.VisitorsCounted", "other.DoorOpened", ""] {
        assert_eq!(Counter::event_type_of(unknown), None, "{unknown}");
    }
}

#[test]
fn requests_and_timers_have_no_event() {
    let with_event = Counter::REACTIONS.iter().filter(|reaction| reaction.event().is_some());
    assert_eq!(with_event.count(), 3);
    for reaction in &Counter::REACTIONS[3..] {
        assert_eq!(reaction.handle(&meta(&opened()), &opened()), None);
        assert_eq!(reaction.read(&meta(&opened()), "2026-11", b"{}").expect("is skipped"), None);
    }
}

#[test]
fn read_decodes_data_and_returns_the_command() {
    let reaction = Counter::reaction_to(DoorOpened::TYPE).expect("is in the table");
    let json = DoorEvent::from(opened()).to_json();
    assert_eq!(reaction.read(&meta(&opened()), "2026-11", json.as_bytes()).expect("reads"), Some(add(3)));
    let newer = br#"{"door":"west","visitors":4,"weather":"fine"}"#;
    assert_eq!(reaction.read(&meta(&opened()), "2031-01", newer).expect("reads"), Some(add(4)));
}

#[test]
fn read_fails_when_data_breaks_the_contract() {
    let reaction = Counter::reaction_to(DoorOpened::TYPE).expect("is in the table");
    let read = |version, data: &str| reaction.read(&meta(&opened()), version, data.as_bytes());
    assert!(matches!(read("2026-11", "{}"), Err(ContractError::Data { .. })));
    assert!(matches!(read("2026-10", r#"{"door":"west"}"#), Err(ContractError::Data { .. })), "an unknown old version");
    let east = r#"{"door":"east","visitors":3}"#;
    assert!(matches!(read("2026-11", east), Err(ContractError::SubjectMismatch { .. })));
}

#[test]
fn consumed_topics_are_distinct_and_in_table_order() {
    assert_eq!(Counter::consumes(), ["door.events", "alarm.events"]);
    assert_eq!(Idle::consumes(), Vec::<&str>::new());
    assert!(!Counter::consumes().contains(&VisitorsCounted::TYPE.topic));
}
