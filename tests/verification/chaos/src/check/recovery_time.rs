use std::time::Duration;

use crate::evidence::Evidence;
use crate::recovery::{DelayCause, delays};

/// Maximum time from the readiness of a killed service until an order is final.
const AFTER_SERVICE_KILL: Duration = Duration::from_secs(2);
/// Maximum time from the first answer of a killed broker until an order is final.
const AFTER_BROKER_KILL: Duration = Duration::from_secs(5);

/// Uses only the phase of isolated faults, because delays by overlapping faults cannot be attributed.
pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let Some(isolated) = evidence.isolated_since else { return Vec::new() };
    let delays = delays(evidence, isolated..);
    let too_long = |(cause, most): (DelayCause, Duration)| {
        let slowest = *delays.get(&cause)?.last()?;
        (slowest > most).then(|| format!("after {cause:?} an order took {slowest:?}, limit {most:?}"))
    };
    [(DelayCause::ServiceKill, AFTER_SERVICE_KILL), (DelayCause::BrokerKill, AFTER_BROKER_KILL)]
        .into_iter()
        .filter_map(too_long)
        .collect()
}

#[cfg(test)]
mod tests {
    use xtask::ServiceName;

    use super::*;
    use crate::check::testing::{one_sold_order, time};
    use crate::system::{FaultKind, InjectedFault};

    fn check_with(kind: FaultKind, until: i64) -> Vec<String> {
        let mut evidence = one_sold_order();
        evidence.injected_faults.push(InjectedFault { kind, from: time(1), until: time(until) });
        evidence.isolated_since = Some(time(0));
        check(&evidence)
    }

    #[test]
    fn check_reports_slow_recovery() {
        // The order is placed in second 1 and confirmed in second 6.
        assert!(check_with(FaultKind::Killed(ServiceName::Payment), 4).is_empty());
        assert_eq!(check_with(FaultKind::Killed(ServiceName::Payment), 3).len(), 1);
        assert!(check_with(FaultKind::BrokerKilled, 2).is_empty());
    }

    #[test]
    fn ignores_delays_during_overlapping_faults() {
        let mut evidence = one_sold_order();
        evidence.injected_faults.push(InjectedFault {
            kind: FaultKind::Killed(ServiceName::Payment),
            from: time(1),
            until: time(2),
        });
        evidence.isolated_since = Some(time(10));
        assert!(check(&evidence).is_empty());
    }
}
