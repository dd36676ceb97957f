use std::time::Duration;

use crate::evidence::Evidence;
use crate::recovery::{DelayCause, delays};

/// The slowest order waits so long for a service that was killed, from when it is ready again.
const FOR_SERVICE: Duration = Duration::from_secs(2);
/// And so long for a broker, from when it answers again.
const FOR_BROKER: Duration = Duration::from_secs(5);

/// Where several things were amiss at once, nobody can say what an order waited for. So only the calm end counts.
pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let Some(calm) = evidence.isolated_since else { return Vec::new() };
    let delays = delays(evidence, calm..);
    let too_long = |(cause, most): (DelayCause, Duration)| {
        let slowest = *delays.get(&cause)?.last()?;
        (slowest > most).then(|| format!("after {cause:?} an order took {slowest:?} and not at most {most:?}"))
    };
    [(DelayCause::ServiceKill, FOR_SERVICE), (DelayCause::BrokerKill, FOR_BROKER)]
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

    fn with(what: FaultKind, until: i64) -> Vec<String> {
        let mut evidence = one_sold_order();
        evidence.injected_faults.push(InjectedFault { what, from: time(1), until: time(until) });
        evidence.isolated_since = Some(time(0));
        check(&evidence)
    }

    #[test]
    fn an_order_that_waits_too_long_is_told() {
        // The order is placed in second 1 and confirmed in second 6.
        assert!(with(FaultKind::Killed(ServiceName::Payment), 4).is_empty());
        assert_eq!(with(FaultKind::Killed(ServiceName::Payment), 3).len(), 1);
        assert!(with(FaultKind::BrokerKilled, 2).is_empty());
    }

    #[test]
    fn in_the_thick_of_it_nobody_can_say() {
        let mut evidence = one_sold_order();
        evidence.injected_faults.push(InjectedFault {
            what: FaultKind::Killed(ServiceName::Payment),
            from: time(1),
            until: time(2),
        });
        evidence.isolated_since = Some(time(10));
        assert!(check(&evidence).is_empty());
    }
}
