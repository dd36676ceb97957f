use std::collections::{BTreeMap, BTreeSet};

use contracts::EventId;

use crate::choreography::ROOTS;
use crate::evidence::{Evidence, PublishedEvent};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    for (order_id, facts) in evidence.facts_by_order() {
        let begun = evidence.accepted.get(&order_id).map(|accepted| accepted.trace_id.as_str());
        let traces: BTreeSet<_> = facts.iter().map(|fact| fact.trace_id.as_deref()).collect();
        if traces.len() != 1 || (begun.is_some() && !traces.contains(&begun)) {
            found.push(format!("order {order_id} is in the traces {traces:?}, and its customer began {begun:?}"));
        }
        let correlations: BTreeSet<_> = facts.iter().map(|fact| fact.correlation_id).collect();
        if correlations.len() != 1 {
            found.push(format!("order {order_id} has the correlation ids {correlations:?}"));
        }
        found.extend(causes(&facts));
    }
    found
}

/// Every event has a cause among the order's own that is one hop nearer to the root, or may have none.
fn causes(facts: &[&PublishedEvent]) -> Vec<String> {
    let by_id: BTreeMap<EventId, &PublishedEvent> = facts.iter().map(|fact| (fact.id, *fact)).collect();
    let mut found = Vec::new();
    for fact in by_id.values() {
        let told = || format!("{} {} of order {}", fact.event, fact.id, fact.order_id);
        match fact.causation_id.map(|cause| (cause, by_id.get(&cause))) {
            None if ROOTS.contains(&fact.event) && fact.hops == 0 => {}
            None => found.push(format!("nothing led to {} after {} hops", told(), fact.hops)),
            Some((cause, None)) => found.push(format!("{cause}, which led to {}, was never published", told())),
            Some((_, Some(cause))) if cause.hops + 1 != fact.hops => {
                found.push(format!(
                    "{} led to {}, but their hops are {} and {}",
                    cause.event,
                    told(),
                    cause.hops,
                    fact.hops
                ));
            }
            Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::one_sold_order;

    #[test]
    fn a_trace_that_is_lost_or_another_is_told() {
        let mut evidence = one_sold_order();
        evidence.facts[2].trace_id = None;
        assert_eq!(check(&evidence).len(), 1);
        for fact in &mut evidence.facts {
            fact.trace_id = Some("of somebody else".to_owned());
        }
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn a_correlation_id_that_is_another_is_told() {
        let mut evidence = one_sold_order();
        evidence.facts[2].correlation_id = contracts::CorrelationId(uuid::Uuid::from_u128(7));
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn a_cause_that_is_missing_is_told() {
        let mut evidence = one_sold_order();
        evidence.facts[2].causation_id = None;
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn a_cause_that_was_never_published_is_told() {
        let mut evidence = one_sold_order();
        evidence.facts.remove(1);
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn hops_that_do_not_count_are_told() {
        let mut evidence = one_sold_order();
        let last = evidence.facts.len() - 1;
        evidence.facts[last].hops += 1;
        assert_eq!(check(&evidence).len(), 1);
    }
}
