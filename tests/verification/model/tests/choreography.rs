//! What the services say that they do is what they do, and it makes sense as a whole.

use std::collections::BTreeSet;

use decider::Trigger;
use model::{
    Observed, bounds,
    choreography::{PARTS, consumers, declared, events, follow_ups},
};

/// ProcessedMessages in every order in which the things of one order can happen.
fn observed() -> BTreeSet<Observed> {
    let explored = bounds::of_one_order(model::WITHOUT_ANY, 1).into_iter().map(bounds::Bound::explore);
    explored.flat_map(|report| report.unwrap_or_else(|broken| panic!("{broken}")).explored.observed).collect()
}

#[test]
fn the_services_do_what_they_say_and_nothing_else() {
    let (observed, declared) = (observed(), declared());
    let unsaid: Vec<_> = observed.difference(&declared).collect();
    let undone: Vec<_> = declared.difference(&observed).collect();
    assert!(unsaid.is_empty() && undone.is_empty(), "done, but not said: {unsaid:#?}\nsaid, but not done: {undone:#?}");
}

#[test]
fn a_service_publishes_only_what_it_owns_and_all_of_it() {
    for part in PARTS.iter() {
        let published: BTreeSet<_> =
            part.reactions.iter().flat_map(|reaction| reaction.emits).map(|event| event.name).collect();
        let owned: BTreeSet<_> = part.publishes.iter().map(|event| event.name).collect();
        assert_eq!(published, owned, "{}", part.owner.name());
    }
}

#[test]
fn a_service_reads_the_topics_of_what_it_reacts_to_and_no_other() {
    for part in PARTS.iter() {
        let reacts_to = part.reactions.iter().filter_map(|reaction| match reaction.trigger {
            Trigger::Event(event) => contracts::event_type(event),
            Trigger::Request(_) | Trigger::Deadline => None,
        });
        let topics: BTreeSet<_> = reacts_to.map(|event| event.topic).collect();
        assert_eq!(topics, part.consumes.iter().copied().collect(), "{}", part.owner.name());
    }
}

#[test]
fn somebody_reacts_to_every_event_but_the_order_s_end() {
    let unheard = events().filter(|event| consumers(event.name).next().is_none()).map(|event| event.name);
    assert_eq!(unheard.collect::<Vec<_>>(), ["OrderConfirmed", "OrderCancelled"]);
}

/// All that may come of an event in the end.
fn consequences(event: &'static str) -> BTreeSet<&'static str> {
    let mut all = BTreeSet::new();
    let mut open = vec![event];
    while let Some(event) = open.pop() {
        open.extend(follow_ups(event).into_iter().filter(|next| all.insert(*next)));
    }
    all
}

#[test]
fn every_failure_leads_to_what_undoes_the_steps_before_it() {
    let compensated: [(&str, &[&str]); 4] = [
        ("StockReservationRejected", &["OrderCancelled"]),
        ("PaymentDeclined", &["StockReleased", "OrderCancelled"]),
        ("ShipmentRejected", &["StockReleased", "PaymentRefunded", "OrderCancelled"]),
        ("ShipmentCancelled", &["StockReleased", "PaymentRefunded", "PaymentVoided", "OrderCancelled"]),
    ];
    let failures = events().filter(|event| ["Rejected", "Declined"].iter().any(|end| event.name.ends_with(end)));
    for failure in failures {
        assert!(compensated.iter().any(|(known, _)| *known == failure.name), "{} is not looked at", failure.name);
    }
    for (failure, undone_by) in compensated {
        let consequences = consequences(failure);
        for event in undone_by {
            assert!(consequences.contains(event), "{failure} leads to {consequences:?}, not to {event}");
        }
    }
}

#[test]
fn no_event_leads_to_itself() {
    for event in events() {
        assert!(!consequences(event.name).contains(event.name), "{} goes round in a circle", event.name);
    }
}
