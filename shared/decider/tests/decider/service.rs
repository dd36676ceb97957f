//! Defaults of deciders and services.

use decider::{Decider as _, LogEvent, Service as _, StreamId};

use crate::{Command, Counter, Idle, VisitorsCounted, visitors_came, visitors_counted};

#[test]
fn fold_applies_events_in_sequence() {
    let events = [visitors_came("west", 2), visitors_counted("west", 2), visitors_came("west", 3)];
    assert_eq!(Counter::fold(Counter::initial(), &events), 5);
    assert_eq!(Counter::fold(4, &[]), 4);
}

#[test]
fn initial_state_is_the_default_state() {
    assert_eq!(Counter::initial(), 0);
}

#[test]
fn merge_returns_the_first_state_by_default() {
    assert_eq!(Idle::merge(vec![&7, &8]), 7);
    assert_eq!(Idle::merge(vec![]), Idle::initial());
}

#[test]
fn service_has_no_calls_timers_or_metrics_by_default() {
    let event = LogEvent::Public(VisitorsCounted { door: "west".to_owned(), visitors: 3 }.into());
    assert!(Idle::intent(&event).is_none());
    assert_eq!(Idle::next_timer(&1), None);
    assert!(Idle::on_timer(&StreamId::new("idle", 1), jiff::Timestamp::UNIX_EPOCH).is_none());
    assert_eq!(Idle::metric(&1, &event), None);
    assert_eq!(Idle::status(&1), "open");
    assert_eq!(Idle::STATE_VERSION, 1);
}

#[test]
fn event_goes_to_the_commands_stream_by_default() {
    let event = LogEvent::Public(VisitorsCounted { door: "west".to_owned(), visitors: 3 }.into());
    assert_eq!(Idle::stream_of(&event), None);
}

#[test]
fn event_goes_to_another_stream_when_the_service_names_it() {
    let command = Command::Add { door: "west".to_owned(), by: 2, event_id: cloudevent::EventId::default() };
    let events = Counter::decide(&0, &command);
    let streams: Vec<_> = events.iter().map(Counter::stream_of).collect();
    assert_eq!(streams, [Some(StreamId::new("visitors", "west"))]);
    assert_eq!(Counter::streams(&command, &0)[0], StreamId::new("door", "west"));
    assert_eq!(Counter::stream_of(&visitors_counted("west", 2)), None);
}
