//! Storage of events in the log.

use decider::{LogError, LogEvent, NoInternalEvents};

use crate::{CounterEvent, Event, Note, VisitorsCounted, visitors_came, visitors_counted};

#[test]
fn public_event_is_stored_under_its_contract_name_and_version() {
    let (name, version, data) = visitors_counted("west", 3).encode();
    assert_eq!((name, version, data.as_str()), ("VisitorsCounted", "2026-11", r#"{"door":"west","visitors":3}"#));
    assert_eq!(Event::decode(name, version, &data).expect("reads"), visitors_counted("west", 3));
}

#[test]
fn internal_event_is_stored_under_its_variants_name() {
    let (name, version, data) = visitors_came("west", 3).encode();
    let expected = ("VisitorsCame", "private", r#"{"VisitorsCame":{"door":"west","by":3}}"#);
    assert_eq!((name, version, data.as_str()), expected);
    assert_eq!(Event::decode(name, version, &data).expect("reads"), visitors_came("west", 3));
}

#[test]
fn internal_event_reads_back_under_an_old_name() {
    let read = Event::decode("PeopleCame", "private", r#"{"PeopleCame":{"door":"west","by":3}}"#);
    assert_eq!(read.expect("reads"), visitors_came("west", 3));
}

#[test]
fn public_event_of_an_older_version_is_upcast() {
    let read = Event::decode("VisitorsCounted", "2026-10", r#"{"door":"west","count":3}"#);
    assert_eq!(read.expect("reads"), visitors_counted("west", 3));
}

#[test]
fn decode_error_names_the_event() {
    let public = Event::decode("VisitorsCounted", "2026-11", "{}").expect_err("has no door");
    let LogError::Public { name, version, .. } = &public else { panic!("{public:?}") };
    assert_eq!((name.as_str(), version.as_str()), ("VisitorsCounted", "2026-11"));
    assert!(public.to_string().starts_with("invalid VisitorsCounted 2026-11 in the log: "), "{public}");
    let internal = Event::decode("VisitorsCame", "private", "{}").expect_err("has no variant");
    let LogError::Internal { name, .. } = &internal else { panic!("{internal:?}") };
    assert_eq!(name, "VisitorsCame");
    assert!(internal.to_string().starts_with("invalid internal event VisitorsCame in the log: "), "{internal}");
}

#[test]
fn unknown_event_is_an_error_without_internal_events() {
    let read = LogEvent::<CounterEvent, NoInternalEvents>::decode("VisitorsCame", "private", r#"{"VisitorsCame":{}}"#);
    assert!(matches!(read, Err(LogError::Internal { .. })), "{read:?}");
}

#[test]
fn public_returns_contract_events_only() {
    let counted = VisitorsCounted { door: "west".to_owned(), visitors: 3 };
    assert_eq!(visitors_counted("west", 3).public(), Some(&CounterEvent::VisitorsCounted(counted)));
    let came: LogEvent<CounterEvent, Note> = visitors_came("west", 3);
    assert_eq!(came.public(), None);
}
