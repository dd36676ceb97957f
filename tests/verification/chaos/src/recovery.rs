//! How long orders waited for what had been killed, counted from when it was back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;
use std::time::Duration;

use contracts::OrderId;
use jiff::Timestamp;

use crate::evidence::{Evidence, PublishedEvent};
use crate::system::{FaultKind, InjectedFault};

/// Why an order was not final at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DelayCause {
    /// Nothing had been done to the suite since it was placed.
    Nothing,
    /// A service had stood still.
    Pause,
    /// A service had been killed.
    ServiceKill,
    /// The broker had been killed.
    BrokerKill,
}

/// How long orders that were placed in some time took after what was last done to the suite was over, sorted. Left out are
/// those that something else held up: the customer, or a provider; and those that ended while something was still amiss.
pub fn delays(evidence: &Evidence, placed: impl RangeBounds<Timestamp>) -> BTreeMap<DelayCause, Vec<Duration>> {
    let held_up = held_up(evidence);
    let mut delays = BTreeMap::<DelayCause, Vec<Duration>>::new();
    for (id, facts) in evidence.facts_by_order() {
        let was_placed = first(&facts, &["OrderPlaced"]);
        if !held_up.contains(&id)
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

fn held_up(evidence: &Evidence) -> BTreeSet<OrderId> {
    let by_customer = evidence.accepted.values().filter(|order| order.slow || order.cancelled).map(|order| order.id);
    let failed = evidence.calls.iter().filter(|(_, call)| call.error.is_some()).map(|(_, call)| call.key);
    by_customer.chain(failed).collect()
}

/// When the first of these events happened.
fn first(facts: &[&PublishedEvent], events: &[&str]) -> Option<Timestamp> {
    facts.iter().filter(|fact| events.contains(&fact.event)).map(|fact| fact.time).min()
}

fn delay(
    facts: &[&PublishedEvent],
    placed: Timestamp,
    injected_faults: &[InjectedFault],
) -> Option<(DelayCause, Duration)> {
    let ended = first(facts, &["OrderConfirmed", "OrderCancelled"])?;
    let met = || injected_faults.iter().filter(|fault| fault.from < ended && fault.until > placed);
    if met().any(|fault| matches!(fault.what, FaultKind::Trouble(_))) {
        return None;
    }
    let last = met().max_by_key(|fault| fault.until);
    let since = last.map_or(placed, |fault| fault.until);
    let cause = last.map_or(DelayCause::Nothing, |fault| match fault.what {
        FaultKind::Killed(_) => DelayCause::ServiceKill,
        FaultKind::BrokerKilled => DelayCause::BrokerKill,
        FaultKind::Paused(_) | FaultKind::Trouble(_) => DelayCause::Pause,
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

    fn with(what: FaultKind, from: i64, until: i64) -> BTreeMap<DelayCause, Vec<Duration>> {
        let mut evidence = one_sold_order();
        evidence.injected_faults.push(InjectedFault { what, from: time(from), until: time(until) });
        delays(&evidence, ..)
    }

    #[test]
    fn a_delay_counts_from_when_what_was_killed_is_back() {
        // The order is placed in second 1 and confirmed in second 6.
        let kill = with(FaultKind::Killed(ServiceName::Payment), 2, 4);
        assert_eq!(kill, BTreeMap::from([(DelayCause::ServiceKill, vec![Duration::from_secs(2)])]));
        let before = with(FaultKind::BrokerKilled, 0, 1);
        assert_eq!(before, BTreeMap::from([(DelayCause::Nothing, vec![Duration::from_secs(5)])]));
    }

    #[test]
    fn an_order_that_a_provider_holds_up_or_that_ends_meanwhile_does_not_count() {
        assert_eq!(with(FaultKind::Trouble(ServiceName::Payment), 2, 4), BTreeMap::new());
        assert_eq!(with(FaultKind::Paused(ServiceName::Order), 2, 9), BTreeMap::new());
    }
}
