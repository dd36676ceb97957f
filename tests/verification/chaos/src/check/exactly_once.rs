use std::collections::{BTreeMap, BTreeSet};

use contracts::EventId;

use crate::evidence::{ContentHash, Evidence, PublishedEvent};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut found: Vec<_> = evidence.broken.iter().map(|broken| format!("breaks its contract: {broken}")).collect();
    let not_keyed = evidence.facts.iter().filter(|fact| !fact.keyed_by_order);
    found.extend(not_keyed.map(|fact| format!("{} is not under its order's key: {:?}", told(fact), fact.place)));
    found.extend(names(evidence));
    for facts in evidence.facts_by_order().values() {
        found.extend(twice(facts));
        found.extend(unordered(facts));
    }
    found
}

fn told(fact: &PublishedEvent) -> String {
    format!("{} {} of order {}", fact.event, fact.id, fact.order_id)
}

/// A record may come again, but then it is the same.
fn names(evidence: &Evidence) -> Vec<String> {
    let mut contents = BTreeMap::<EventId, BTreeSet<(&str, ContentHash)>>::new();
    for fact in &evidence.facts {
        contents.entry(fact.id).or_default().insert((fact.event, fact.content));
    }
    let ambiguous = contents.into_iter().filter(|(_, contents)| contents.len() > 1);
    ambiguous.map(|(id, contents)| format!("{id} is the name of different events: {contents:?}")).collect()
}

/// Nothing happens to an order more than once, so a second event of a type is the first one with another name.
fn twice(facts: &[&PublishedEvent]) -> Vec<String> {
    let mut ids = BTreeMap::<&str, BTreeSet<EventId>>::new();
    for fact in facts {
        ids.entry(fact.event).or_default().insert(fact.id);
    }
    let order_id = facts[0].order_id;
    let more = ids.into_iter().filter(|(_, ids)| ids.len() > 1);
    more.map(|(event, ids)| format!("order {order_id} has {} different {event}: {ids:?}", ids.len())).collect()
}

/// In each topic, facts of an order come for the first time in the order in which they happened, on one partition.
fn unordered(facts: &[&PublishedEvent]) -> Vec<String> {
    let mut facts = facts.to_vec();
    facts.sort_by_key(|fact| &fact.place);
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    let mut last: Option<&PublishedEvent> = None;
    for fact in facts {
        if !seen.insert(fact.id) {
            continue;
        }
        if let Some(last) = last.filter(|last| last.place.topic == fact.place.topic) {
            if fact.time < last.time {
                found.push(format!("{} was published after {}, which happened later", told(fact), told(last)));
            }
            if fact.place.partition != last.place.partition {
                found.push(format!("{} is on another partition than {}", told(fact), told(last)));
            }
        }
        last = Some(fact);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{fact, one_sold_order};

    #[test]
    fn a_record_that_comes_again_is_no_violation() {
        let mut evidence = one_sold_order();
        let mut double = evidence.facts[0].clone();
        double.place.offset += 100;
        evidence.facts.push(double);
        assert_eq!(check(&evidence), Vec::<String>::new());
    }

    #[test]
    fn an_event_under_a_new_name_is_told() {
        let mut evidence = one_sold_order();
        evidence.facts.push(fact("StockReserved", 90, Some(1)));
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn a_name_that_two_events_have_is_told() {
        let mut evidence = one_sold_order();
        let mut other = evidence.facts[0].clone();
        other.content = ContentHash::number(7);
        evidence.facts.push(other);
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn a_wrong_key_is_told() {
        let mut evidence = one_sold_order();
        evidence.facts[0].keyed_by_order = false;
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn a_record_that_breaks_its_contract_and_is_no_poison_is_told() {
        let mut evidence = one_sold_order();
        evidence.broken.push("header ce_hops is missing".to_owned());
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn events_in_the_wrong_order_or_on_two_partitions_are_told() {
        let mut evidence = one_sold_order();
        let (reserved, committed) = (1, 3);
        assert_eq!(
            (evidence.facts[reserved].event, evidence.facts[committed].event),
            ("StockReserved", "StockCommitted")
        );
        let place = evidence.facts[reserved].place.clone();
        evidence.facts[reserved].place = evidence.facts[committed].place.clone();
        evidence.facts[committed].place = place;
        assert_eq!(check(&evidence).len(), 1);
        evidence.facts[committed].place.partition = 1;
        assert_eq!(check(&evidence).len(), 1, "{:?}", check(&evidence));
    }
}
