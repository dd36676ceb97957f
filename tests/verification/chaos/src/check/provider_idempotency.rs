//! A provider recognizes a call that is made again by its key, so a second execution would have no effect. Its ledger
//! tells of it all the same.

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
                found.push(format!("{kind} of order {order_id} was answered at {first} and asked again at {second}"));
            }
        }
    }
    found
}

/// Only a crash can make a service forget an answer that it got.
fn was_killed_between(injected_faults: &[InjectedFault], service: ServiceName, first: &str, second: &str) -> bool {
    let (Ok(first), Ok(second)) = (first.parse::<Timestamp>(), second.parse::<Timestamp>()) else { return false };
    // The ledger's times are cut to milliseconds, and are of the call's arrival; a fault begins before its kill.
    injected_faults
        .iter()
        .any(|fault| fault.what == FaultKind::Killed(service) && fault.until >= first && fault.from <= second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{call, one_sold_order, time};

    #[test]
    fn a_call_that_was_answered_and_is_made_again_is_told() {
        let mut evidence = one_sold_order();
        evidence.calls.push((ServiceName::Payment, call("charge", 30)));
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn a_crash_is_an_excuse_and_so_is_a_lost_answer() {
        let mut evidence = one_sold_order();
        evidence.calls.push((ServiceName::Payment, call("charge", 30)));
        evidence.injected_faults.push(InjectedFault {
            what: FaultKind::Killed(ServiceName::Payment),
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
    fn the_crash_of_another_service_or_at_another_time_is_none() {
        let mut evidence = one_sold_order();
        evidence.calls.push((ServiceName::Payment, call("charge", 30)));
        evidence.injected_faults.push(InjectedFault {
            what: FaultKind::Killed(ServiceName::Shipping),
            from: time(20),
            until: time(25),
        });
        evidence.injected_faults.push(InjectedFault {
            what: FaultKind::Killed(ServiceName::Payment),
            from: time(40),
            until: time(45),
        });
        assert_eq!(check(&evidence).len(), 1);
    }
}
