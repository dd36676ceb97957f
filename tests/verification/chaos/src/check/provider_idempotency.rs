//! Providers deduplicate repeated calls by key, so a repetition would have no effect. Their ledgers record it nevertheless.

use std::collections::BTreeMap;

use contracts::OrderId;
use jiff::Timestamp;
use providers::simulator::LoggedCall;
use xtask::ServiceName;

use crate::evidence::Evidence;
use crate::system::{FaultKind, InjectedFault};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut calls = BTreeMap::<(OrderId, &str), Vec<(ServiceName, &LoggedCall)>>::new();
    for (service, call) in &evidence.calls {
        calls.entry((call.key, &call.kind)).or_default().push((*service, call));
    }
    let mut found = Vec::new();
    for ((order_id, kind), calls) in calls {
        for pair in calls.windows(2) {
            let [(service, first), (_, second)] = pair else { continue };
            if first.answer.is_some()
                && !was_killed_between(&evidence.injected_faults, *service, &first.time, &second.time)
            {
                let (first, second) = (&first.time, &second.time);
                found.push(format!("{kind} of order {order_id} was answered at {first} and repeated at {second}"));
            }
        }
    }
    found
}

/// Only a crash can make a service lose an answer.
fn was_killed_between(injected_faults: &[InjectedFault], service: ServiceName, first: &str, second: &str) -> bool {
    let (Ok(first), Ok(second)) = (first.parse::<Timestamp>(), second.parse::<Timestamp>()) else { return false };
    // Ledger times are arrival times, truncated to milliseconds. A fault starts before its kill.
    injected_faults
        .iter()
        .any(|fault| fault.kind == FaultKind::Killed(service) && fault.until >= first && fault.from <= second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{call, one_sold_order, time};

    #[test]
    fn check_reports_repetition_of_answered_call() {
        let mut evidence = one_sold_order();
        evidence.calls.push((ServiceName::Payment, call("charge", 30)));
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_allows_repetition_after_crash_or_lost_answer() {
        let mut evidence = one_sold_order();
        evidence.calls.push((ServiceName::Payment, call("charge", 30)));
        evidence.injected_faults.push(InjectedFault {
            kind: FaultKind::Killed(ServiceName::Payment),
            from: time(20),
            until: time(25),
        });
        assert!(check(&evidence).is_empty());

        let mut evidence = one_sold_order();
        evidence.calls[0].1.answer = None;
        evidence.calls.push((ServiceName::Payment, call("charge", 30)));
        assert!(check(&evidence).is_empty());
    }

    #[test]
    fn check_reports_repetition_despite_unrelated_crashes() {
        let mut evidence = one_sold_order();
        evidence.calls.push((ServiceName::Payment, call("charge", 30)));
        evidence.injected_faults.push(InjectedFault {
            kind: FaultKind::Killed(ServiceName::Shipping),
            from: time(20),
            until: time(25),
        });
        evidence.injected_faults.push(InjectedFault {
            kind: FaultKind::Killed(ServiceName::Payment),
            from: time(40),
            until: time(45),
        });
        assert_eq!(check(&evidence).len(), 1);
    }
}
