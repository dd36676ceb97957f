//! Recovery times: from the end of a fault until an order is final.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;
use std::time::Duration;

use contracts::OrderId;
use jiff::Timestamp;

use crate::evidence::{Evidence, PublishedEvent};
use crate::system::{FaultKind, InjectedFault};

/// Kind of the last fault that an order encountered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DelayCause {
    Nothing,
    Pause,
    ServiceKill,
    BrokerKill,
}

/// Sorted recovery times of the orders placed in a period. Excludes orders delayed by their customer or by a provider, and
/// orders that became final during a fault.
pub fn delays(evidence: &Evidence, placed: impl RangeBounds<Timestamp>) -> BTreeMap<DelayCause, Vec<Duration>> {
    let delayed_by_others = delayed_by_others(evidence);
    let mut delays = BTreeMap::<DelayCause, Vec<Duration>>::new();
    for (id, facts) in evidence.facts_by_order() {
        let was_placed = first(&facts, &["OrderPlaced"]);
        if !delayed_by_others.contains(&id)
            && let Some(was_placed) = was_placed.filter(|time| placed.contains(time))
            && let Some((cause, delay)) = delay(&facts, was_placed, &evidence.injected_faults)
        {
            delays.entry(cause).or_default().push(delay);
        }
    }
    for delays in delays.values_mut() {
        delays.sort();
    }
    delays
}

fn delayed_by_others(evidence: &Evidence) -> BTreeSet<OrderId> {
    let by_customer = evidence.accepted.values().filter(|order| order.slow || order.cancelled).map(|order| order.id);
    let failed = evidence.calls.iter().filter(|(_, call)| call.error.is_some()).map(|(_, call)| call.key);
    by_customer.chain(failed).collect()
}

/// Time of the first of these events.
fn first(facts: &[&PublishedEvent], events: &[&str]) -> Option<Timestamp> {
    facts.iter().filter(|fact| events.contains(&fact.event)).map(|fact| fact.time).min()
}

fn delay(
    facts: &[&PublishedEvent],
    placed: Timestamp,
    injected_faults: &[InjectedFault],
) -> Option<(DelayCause, Duration)> {
    let ended = first(facts, &["OrderConfirmed", "OrderCancelled"])?;
    let encountered = || injected_faults.iter().filter(|fault| fault.from < ended && fault.until > placed);
    if encountered().any(|fault| matches!(fault.kind, FaultKind::ProviderOutage(_))) {
        return None;
    }
    let last = encountered().max_by_key(|fault| fault.until);
    let since = last.map_or(placed, |fault| fault.until);
    let cause = last.map_or(DelayCause::Nothing, |fault| match fault.kind {
        FaultKind::Killed(_) => DelayCause::ServiceKill,
        FaultKind::BrokerKilled => DelayCause::BrokerKill,
        FaultKind::Paused(_) | FaultKind::ProviderOutage(_) => DelayCause::Pause,
    });
    between(since, ended).map(|delay| (cause, delay))
}

fn between(since: Timestamp, ended: Timestamp) -> Option<Duration> {
    ended.duration_since(since).try_into().ok()
}

#[cfg(test)]
mod tests {
    use xtask::ServiceName;

    use super::*;
    use crate::check::testing::{one_sold_order, time};

    fn delays_with(kind: FaultKind, from: i64, until: i64) -> BTreeMap<DelayCause, Vec<Duration>> {
        let mut evidence = one_sold_order();
        evidence.injected_faults.push(InjectedFault { kind, from: time(from), until: time(until) });
        delays(&evidence, ..)
    }

    #[test]
    fn delay_starts_when_the_fault_ends() {
        // The order is placed in second 1 and confirmed in second 6.
        let kill = delays_with(FaultKind::Killed(ServiceName::Payment), 2, 4);
        assert_eq!(kill, BTreeMap::from([(DelayCause::ServiceKill, vec![Duration::from_secs(2)])]));
        let before = delays_with(FaultKind::BrokerKilled, 0, 1);
        assert_eq!(before, BTreeMap::from([(DelayCause::Nothing, vec![Duration::from_secs(5)])]));
    }

    #[test]
    fn ignores_provider_outages_and_orders_final_during_fault() {
        assert_eq!(delays_with(FaultKind::ProviderOutage(ServiceName::Payment), 2, 4), BTreeMap::new());
        assert_eq!(delays_with(FaultKind::Paused(ServiceName::Order), 2, 9), BTreeMap::new());
    }
}
