use std::collections::{BTreeMap, BTreeSet};

use contracts::EventId;

use crate::evidence::{ContentHash, Evidence, PublishedEvent};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut found: Vec<_> = evidence.broken.iter().map(|broken| format!("invalid record: {broken}")).collect();
    let not_keyed = evidence.facts.iter().filter(|fact| !fact.keyed_by_order);
    found.extend(not_keyed.map(|fact| format!("{} is not under its order's key: {:?}", describe(fact), fact.position)));
    found.extend(ambiguous_ids(evidence));
    for facts in evidence.facts_by_order().values() {
        found.extend(repeated(facts));
        found.extend(unordered(facts));
        found.extend(misnumbered(facts));
    }
    found
}

fn describe(fact: &PublishedEvent) -> String {
    format!("{} {} of order {}", fact.event, fact.id, fact.order_id)
}

/// Two records with one id must be equal.
fn ambiguous_ids(evidence: &Evidence) -> Vec<String> {
    let mut contents = BTreeMap::<EventId, BTreeSet<(&str, ContentHash)>>::new();
    for fact in &evidence.facts {
        contents.entry(fact.id).or_default().insert((fact.event, fact.content));
    }
    let ambiguous = contents.into_iter().filter(|(_, contents)| contents.len() > 1);
    ambiguous.map(|(id, contents)| format!("{id} is the id of different events: {contents:?}")).collect()
}

/// Every event type occurs at most once per order, so a second id of a type is a duplicate.
fn repeated(facts: &[&PublishedEvent]) -> Vec<String> {
    let mut ids = BTreeMap::<&str, BTreeSet<EventId>>::new();
    for fact in facts {
        ids.entry(fact.event).or_default().insert(fact.id);
    }
    let order_id = facts[0].order_id;
    let more = ids.into_iter().filter(|(_, ids)| ids.len() > 1);
    more.map(|(event, ids)| format!("order {order_id} has {} different {event}: {ids:?}", ids.len())).collect()
}

/// In each topic, the first copies of an order's events are on one partition, in the order of their times.
fn unordered(facts: &[&PublishedEvent]) -> Vec<String> {
    let mut facts = facts.to_vec();
    facts.sort_by_key(|fact| &fact.position);
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    let mut last: Option<&PublishedEvent> = None;
    for fact in facts {
        if !seen.insert(fact.id) {
            continue;
        }
        if let Some(last) = last.filter(|last| last.position.topic == fact.position.topic) {
            if fact.time < last.time {
                found.push(format!("{} was published after the later {}", describe(fact), describe(last)));
            }
            if fact.position.partition != last.position.partition {
                found.push(format!("{} is on another partition than {}", describe(fact), describe(last)));
            }
        }
        last = Some(fact);
    }
    found
}

/// The events of an owner about an order have the sequence numbers from 1, each once. A topic has one owner.
fn misnumbered(facts: &[&PublishedEvent]) -> Vec<String> {
    let mut owners = BTreeMap::<&str, BTreeMap<u64, BTreeSet<EventId>>>::new();
    let mut found = Vec::new();
    for fact in facts {
        match fact.sequence {
            None => found.push(format!("{} has no sequence number", describe(fact))),
            Some(sequence) => {
                let numbers = owners.entry(&fact.position.topic).or_default();
                numbers.entry(sequence).or_default().insert(fact.id);
            }
        }
    }
    let order_id = facts[0].order_id;
    for (topic, numbers) in owners {
        let reused = numbers.iter().filter(|(_, ids)| ids.len() > 1);
        found.extend(reused.map(|(number, ids)| {
            format!("order {order_id} has {} events with the sequence number {number} in {topic}: {ids:?}", ids.len())
        }));
        let last = numbers.last_key_value().map_or(0, |(last, _)| *last);
        let missing: Vec<_> = (1..=last).filter(|number| !numbers.contains_key(number)).collect();
        if !missing.is_empty() {
            found.push(format!("order {order_id} lacks the sequence numbers {missing:?} in {topic}"));
        }
        let ids: BTreeSet<_> = numbers.values().flatten().collect();
        if ids.len() < numbers.values().map(BTreeSet::len).sum() {
            found.push(format!("order {order_id} has an event with two sequence numbers in {topic}: {numbers:?}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{fact, one_sold_order};

    #[test]
    fn check_allows_identical_duplicate() {
        let mut evidence = one_sold_order();
        let mut double = evidence.facts[0].clone();
        double.position.offset += 100;
        evidence.facts.push(double);
        assert_eq!(check(&evidence), Vec::<String>::new());
    }

    #[test]
    fn check_reports_event_with_second_id() {
        let mut evidence = one_sold_order();
        evidence.facts.push(PublishedEvent { sequence: Some(3), ..fact("StockReserved", 90, Some(1)) });
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_event_without_sequence_number() {
        let mut evidence = one_sold_order();
        let last = evidence.facts.last_mut().expect("the confirmation");
        last.sequence = None;
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_reused_sequence_number() {
        let mut evidence = one_sold_order();
        evidence.facts.last_mut().expect("the confirmation").sequence = Some(1);
        let found = check(&evidence);
        assert!(found.len() == 1 && found[0].contains("2 events with the sequence number 1"), "{found:?}");
    }

    #[test]
    fn check_reports_gap_in_sequence_numbers() {
        let mut evidence = one_sold_order();
        evidence.facts.last_mut().expect("the confirmation").sequence = Some(4);
        let found = check(&evidence);
        assert!(found.len() == 1 && found[0].contains("lacks the sequence numbers [2, 3]"), "{found:?}");
    }

    #[test]
    fn check_reports_event_with_two_sequence_numbers() {
        let mut evidence = one_sold_order();
        let mut again = evidence.facts.last().expect("the confirmation").clone();
        again.sequence = Some(3);
        evidence.facts.push(again);
        let found = check(&evidence);
        assert!(found.len() == 1 && found[0].contains("two sequence numbers"), "{found:?}");
    }

    #[test]
    fn check_reports_id_shared_by_two_events() {
        let mut evidence = one_sold_order();
        let mut other = evidence.facts[0].clone();
        other.content = ContentHash::number(7);
        evidence.facts.push(other);
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_wrong_key() {
        let mut evidence = one_sold_order();
        evidence.facts[0].keyed_by_order = false;
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_invalid_record() {
        let mut evidence = one_sold_order();
        evidence.broken.push("header ce_hops is missing".to_owned());
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_wrong_order_and_second_partition() {
        let mut evidence = one_sold_order();
        let (reserved, committed) = (1, 3);
        assert_eq!(
            (evidence.facts[reserved].event, evidence.facts[committed].event),
            ("StockReserved", "StockCommitted")
        );
        let position = evidence.facts[reserved].position.clone();
        evidence.facts[reserved].position = evidence.facts[committed].position.clone();
        evidence.facts[committed].position = position;
        assert_eq!(check(&evidence).len(), 1);
        evidence.facts[committed].position.partition = 1;
        assert_eq!(check(&evidence).len(), 1, "{:?}", check(&evidence));
    }
}
