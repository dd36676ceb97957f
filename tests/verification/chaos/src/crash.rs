//! All crashes that there can be: each service, at each point of its work, with each event of the saga.
//!
//! The names of points are the shell's (`shared/runtime/src/planted.rs`), written down once more.

use std::fmt;

use contracts::inventory::InventoryEvent;
use contracts::order::OrderEvent;
use contracts::payment::PaymentEvent;
use contracts::shipping::ShippingEvent;
use contracts::{Contract as _, EventType};
use xtask::ServiceName;

use crate::choreography::{calls, reacts_to};
use crate::load::scripted_order::ScriptedOrder;

/// Points that a record comes past on its way in.
const IN: [&str; 4] = ["before-inbox", "after-inbox", "before-offsets", "after-offsets"];
/// Points that both what comes in and what goes out come past.
const BETWEEN: [&str; 2] = ["before-commit", "after-commit"];
/// Points that an event comes past on its way out.
const OUT: [&str; 4] = ["before-publish", "after-publish", "before-mark", "after-mark"];
/// Points around a call.
const CALL: [&str; 2] = ["before-call", "after-call"];

/// A crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// Who crashes.
    pub service: ServiceName,
    /// Where.
    pub point: &'static str,
    /// With which event, or which call to a provider.
    pub event: &'static str,
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.service, self.point, self.event)
    }
}

/// Crashes of different services with one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// What becomes of the order.
    pub scripted_order: ScriptedOrder,
    /// At most one for each service.
    pub crashes: Vec<Crash>,
}

/// All events of the saga.
fn saga() -> impl Iterator<Item = &'static EventType> {
    [OrderEvent::TYPES, InventoryEvent::TYPES, PaymentEvent::TYPES, ShippingEvent::TYPES].into_iter().flatten()
}

/// Why a service can't crash at this point with this event; `None` if it can.
pub fn why_not(service: ServiceName, point: &str, event: &str) -> Option<&'static str> {
    let is_own = |known: &EventType| known.name == event && known.owner == service.name();
    let (reacts, publishes) = (reacts_to(service).contains(&event), saga().any(is_own));
    let calls = calls(service).contains(&event);
    if calls || CALL.contains(&point) {
        return (!calls || !CALL.contains(&point)).then_some("a call is no event, and only calls are called");
    }
    match (reacts, publishes) {
        (false, false) => Some("the service has nothing to do with the event"),
        (true, false) if OUT.contains(&point) => Some("the event is another's: the service does not publish it"),
        (false, true) if IN.contains(&point) => Some("the event is the service's own: it does not read it"),
        _ => None,
    }
}

/// Everything that can be thought of: those that can happen, and those that can't with the reason.
pub fn all() -> (Vec<Crash>, Vec<(Crash, &'static str)>) {
    let (mut possible, mut impossible) = (Vec::new(), Vec::new());
    for service in ServiceName::all() {
        let events = saga().map(|event| event.name).chain(calls(service).iter().copied());
        for event in events {
            for point in IN.into_iter().chain(BETWEEN).chain(OUT).chain(CALL) {
                let crash = Crash { service, point, event };
                match why_not(service, point, event) {
                    None => possible.push(crash),
                    Some(why) => impossible.push((crash, why)),
                }
            }
        }
    }
    (possible, impossible)
}

/// Divides crashes into rounds: as few as there can be when each service crashes once with an order.
pub fn rounds(crashes: &[Crash]) -> Vec<Round> {
    let mut rounds = Vec::<Round>::new();
    for crash in crashes {
        let scripted_order =
            ScriptedOrder::of(crash.event).unwrap_or_else(|| panic!("{crash} is in no scripted_order"));
        let has_room = |round: &&mut Round| {
            round.scripted_order == scripted_order && round.crashes.iter().all(|other| other.service != crash.service)
        };
        match rounds.iter_mut().find(has_room) {
            Some(round) => round.crashes.push(*crash),
            None => rounds.push(Round { scripted_order, crashes: vec![*crash] }),
        }
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_the_saga_is_in_a_story_and_every_crash_in_one_round() {
        let (possible, _) = all();
        let mut crashes: Vec<_> = rounds(&possible).into_iter().flat_map(|round| round.crashes).collect();
        assert_eq!(crashes.len(), possible.len());
        crashes.retain(|crash| !possible.contains(crash));
        assert_eq!(crashes, []);
    }

    #[test]
    fn each_event_crashes_its_owner_six_times_and_each_reader_six_times() {
        let (possible, impossible) = all();
        let of = |event: &str| possible.iter().filter(|crash| crash.event == event).count();
        let readers = |event: &str| ServiceName::all().filter(|it| reacts_to(*it).contains(&event)).count();
        for event in saga() {
            assert_eq!(of(event.name), 6 + 6 * readers(event.name), "{}", event.name);
        }
        assert_eq!(possible.len() + impossible.len(), 12 * (4 * saga().count() + 5));
    }
}
