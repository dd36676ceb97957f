//! All possible crashes: each service, at each point of its work, with each event of the saga.
//!
//! The names of points repeat those in `tests/verification/faults/src/point.rs`.

use std::fmt;

use contracts::inventory::InventoryEvent;
use contracts::order::OrderEvent;
use contracts::payment::PaymentEvent;
use contracts::shipping::ShippingEvent;
use contracts::{Contract as _, EventType};
use xtask::ServiceName;

use crate::choreography::{calls, reacts_to};
use crate::load::scripted_order::ScriptedOrder;

/// Points that an incoming record passes.
const IN: [&str; 4] = ["before-load", "after-load", "before-offsets", "after-offsets"];
/// Points that both incoming and outgoing events pass.
const BETWEEN: [&str; 2] = ["before-commit", "after-commit"];
/// Points that an outgoing event passes.
const OUT: [&str; 4] = ["before-publish", "after-publish", "before-cursor", "after-cursor"];
/// Points around a provider call.
const CALL: [&str; 2] = ["before-call", "after-call"];

/// A crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    pub service: ServiceName,
    pub point: &'static str,
    /// Name of the event, or of the provider call.
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
    /// Script of the order.
    pub scripted_order: ScriptedOrder,
    /// At most one per service.
    pub crashes: Vec<Crash>,
}

/// All events of the saga.
fn saga() -> impl Iterator<Item = &'static EventType> {
    [OrderEvent::TYPES, InventoryEvent::TYPES, PaymentEvent::TYPES, ShippingEvent::TYPES].into_iter().flatten()
}

/// The reason why a service cannot crash at this point with this event. Returns `None` if it can.
pub fn impossibility(service: ServiceName, point: &str, event: &str) -> Option<&'static str> {
    let is_own = |known: &EventType| known.name == event && known.owner == service.name();
    let (reacts, publishes) = (reacts_to(service).contains(&event), saga().any(is_own));
    let calls = calls(service).contains(&event);
    if calls || CALL.contains(&point) {
        return (!calls || !CALL.contains(&point)).then_some("calls and events have different points");
    }
    match (reacts, publishes) {
        (false, false) => Some("the service neither reads nor publishes the event"),
        (true, false) if OUT.contains(&point) => Some("another service publishes the event"),
        (false, true) if IN.contains(&point) => Some("the service does not read its own event"),
        _ => None,
    }
}

/// The possible crashes, and the impossible ones with their reasons.
pub fn all() -> (Vec<Crash>, Vec<(Crash, &'static str)>) {
    let (mut possible, mut impossible) = (Vec::new(), Vec::new());
    for service in ServiceName::all() {
        let events = saga().map(|event| event.name).chain(calls(service).iter().copied());
        for event in events {
            for point in IN.into_iter().chain(BETWEEN).chain(OUT).chain(CALL) {
                let crash = Crash { service, point, event };
                match impossibility(service, point, event) {
                    None => possible.push(crash),
                    Some(why) => impossible.push((crash, why)),
                }
            }
        }
    }
    (possible, impossible)
}

/// Groups crashes into few rounds, in which each service crashes at most once with an order.
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
    fn rounds_contain_every_crash_once() {
        let (possible, _) = all();
        let mut crashes: Vec<_> = rounds(&possible).into_iter().flat_map(|round| round.crashes).collect();
        assert_eq!(crashes.len(), possible.len());
        crashes.retain(|crash| !possible.contains(crash));
        assert_eq!(crashes, []);
    }

    #[test]
    fn each_event_has_six_crashes_per_owner_and_reader() {
        let (possible, impossible) = all();
        let of = |event: &str| possible.iter().filter(|crash| crash.event == event).count();
        let readers = |event: &str| ServiceName::all().filter(|it| reacts_to(*it).contains(&event)).count();
        for event in saga() {
            assert_eq!(of(event.name), 6 + 6 * readers(event.name), "{}", event.name);
        }
        assert_eq!(possible.len() + impossible.len(), 12 * (4 * saga().count() + 5));
    }
}
