//! The declared reactions equal the real ones, and are complete as a whole.

use std::collections::BTreeSet;

use decider::Trigger;
use model::{
    bounds::{self, ExplorationBound},
    choreography::{SERVICES, consumers, declared, direct_consequences, events},
    config::WITHOUT_ANY,
    schedule::Observed,
};

/// Reactions in all schedules of one order.
fn observed() -> BTreeSet<Observed> {
    let reports = bounds::of_one_order(WITHOUT_ANY, 1).into_iter().map(ExplorationBound::explore);
    reports.flat_map(|report| report.unwrap_or_else(|violation| panic!("{violation}")).explored.observed).collect()
}

#[test]
fn observed_reactions_match_the_declared_ones() {
    let (observed, declared) = (observed(), declared());
    let undeclared: Vec<_> = observed.difference(&declared).collect();
    let unobserved: Vec<_> = declared.difference(&observed).collect();
    assert!(
        undeclared.is_empty() && unobserved.is_empty(),
        "observed but not declared: {undeclared:#?}\ndeclared but not observed: {unobserved:#?}"
    );
}

#[test]
fn services_publish_all_events_that_they_own_and_no_other() {
    for service in SERVICES.iter() {
        let emitted = service.reactions.iter().flat_map(|reaction| reaction.emits);
        let emitted: BTreeSet<_> = emitted.map(|event| event.name).collect();
        let owned: BTreeSet<_> = service.publishes.iter().map(|event| event.name).collect();
        assert_eq!(emitted, owned, "{}", service.owner);
    }
}

#[test]
fn services_consume_only_topics_of_their_triggers() {
    for service in SERVICES.iter() {
        let triggers = service.reactions.iter().filter_map(|reaction| match reaction.trigger {
            Trigger::Event(event) => contracts::event_type(event),
            Trigger::Request(_) | Trigger::Deadline => None,
        });
        let topics: BTreeSet<_> = triggers.map(|event| event.topic).collect();
        assert_eq!(topics, service.consumes.iter().copied().collect(), "{}", service.owner);
    }
}

#[test]
fn every_event_but_the_final_ones_has_a_consumer() {
    let unconsumed = events().filter(|event| consumers(event.name).next().is_none()).map(|event| event.name);
    assert_eq!(unconsumed.collect::<Vec<_>>(), ["OrderConfirmed", "OrderCancelled"]);
}

/// Events that an event may cause, directly or indirectly.
fn consequences(event: &'static str) -> BTreeSet<&'static str> {
    let mut all = BTreeSet::new();
    let mut open = vec![event];
    while let Some(event) = open.pop() {
        open.extend(direct_consequences(event).into_iter().filter(|next| all.insert(*next)));
    }
    all
}

#[test]
fn every_failure_causes_the_compensation_of_earlier_steps() {
    let compensated: [(&str, &[&str]); 4] = [
        ("StockReservationRejected", &["OrderCancelled"]),
        ("PaymentDeclined", &["StockReleased", "OrderCancelled"]),
        ("ShipmentRejected", &["StockReleased", "PaymentRefunded", "OrderCancelled"]),
        ("ShipmentCancelled", &["StockReleased", "PaymentRefunded", "PaymentVoided", "OrderCancelled"]),
    ];
    let failures = events().filter(|event| ["Rejected", "Declined"].iter().any(|end| event.name.ends_with(end)));
    for failure in failures {
        assert!(compensated.iter().any(|(known, _)| *known == failure.name), "{} is not covered", failure.name);
    }
    for (failure, compensations) in compensated {
        let consequences = consequences(failure);
        for event in compensations {
            assert!(consequences.contains(event), "{failure} causes {consequences:?}, not {event}");
        }
    }
}

#[test]
fn no_event_causes_itself() {
    for event in events() {
        assert!(!consequences(event.name).contains(event.name), "{} is in a cycle", event.name);
    }
}
