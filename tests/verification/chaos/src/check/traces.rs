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
            found.push(format!("order {order_id} is in the traces {traces:?}, its customer started {begun:?}"));
        }
        let correlations: BTreeSet<_> = facts.iter().map(|fact| fact.correlation_id).collect();
        if correlations.len() != 1 {
            found.push(format!("order {order_id} has the correlation ids {correlations:?}"));
        }
        found.extend(causes(&facts));
    }
    found
}

/// Every event is a root or has a cause among the order's events that is one hop closer to the root.
fn causes(facts: &[&PublishedEvent]) -> Vec<String> {
    let by_id: BTreeMap<EventId, &PublishedEvent> = facts.iter().map(|fact| (fact.id, *fact)).collect();
    let mut found = Vec::new();
    for fact in by_id.values() {
        let describe = || format!("{} {} of order {}", fact.event, fact.id, fact.order_id);
        match fact.causation_id.map(|cause| (cause, by_id.get(&cause))) {
            None if ROOTS.contains(&fact.event) && fact.hops == 0 => {}
            None => found.push(format!("{} has no cause after {} hops", describe(), fact.hops)),
            Some((cause, None)) => found.push(format!("{cause}, the cause of {}, was never published", describe())),
            Some((_, Some(cause))) if cause.hops + 1 != fact.hops => {
                found.push(format!(
                    "{} caused {}, but their hops are {} and {}",
                    cause.event,
                    describe(),
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
    fn check_reports_missing_and_foreign_trace() {
        let mut evidence = one_sold_order();
        evidence.facts[2].trace_id = None;
        assert_eq!(check(&evidence).len(), 1);
        for fact in &mut evidence.facts {
            fact.trace_id = Some("foreign".to_owned());
        }
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_second_correlation_id() {
        let mut evidence = one_sold_order();
        evidence.facts[2].correlation_id = contracts::CorrelationId(uuid::Uuid::from_u128(7));
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_missing_cause() {
        let mut evidence = one_sold_order();
        evidence.facts[2].causation_id = None;
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_unpublished_cause() {
        let mut evidence = one_sold_order();
        evidence.facts.remove(1);
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_wrong_hop_count() {
        let mut evidence = one_sold_order();
        let last = evidence.facts.len() - 1;
        evidence.facts[last].hops += 1;
        assert_eq!(check(&evidence).len(), 1);
    }
}
