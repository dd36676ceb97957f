//! Text report of a chaos run.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::recovery::{DelayCause, delays};
use crate::run::ChaosResult;
use crate::system::FaultKind;

/// Maximum number of violations printed for each rule.
const MAX_VIOLATIONS: usize = 8;

/// Renders the report.
pub fn report(result: &ChaosResult) -> String {
    let mut text = String::new();
    write_report(&mut text, result).expect("writing to a String cannot fail");
    text
}

fn write_report(text: &mut String, result: &ChaosResult) -> fmt::Result {
    write_counts(text, result)?;
    let evidence = &result.evidence;
    match evidence.quiescence.final_after {
        Some(after) => writeln!(text, "  all orders final {:.1} s after the last fault", after.as_secs_f64())?,
        None => writeln!(text, "  not all orders became final")?,
    }
    if let Some(isolated) = evidence.isolated_since {
        writeln!(text, "  recovery time (last fault cleared until order final), ms:")?;
        writeln!(text, "    {:<32}{:>7}{:>7}{:>7}{:>8}", "last fault", "orders", "p50", "p99", "max")?;
        write_delays(text, &delays(evidence, ..isolated), "")?;
        write_delays(text, &delays(evidence, isolated..), ", isolated")?;
    }
    write_violations(text, result)
}

fn write_counts(text: &mut String, result: &ChaosResult) -> fmt::Result {
    let evidence = &result.evidence;
    let count = |status: &str| evidence.orders.values().filter(|order| order.status == status).count();
    let [confirmed, dispatched, cancelled] = ["confirmed", "dispatched", "cancelled"].map(count);
    let by_customer = evidence.accepted.values().filter(|order| order.cancelled).count();
    writeln!(
        text,
        "orders: {} (confirmed {confirmed}, dispatched {dispatched}, cancelled {cancelled}, by customers {by_customer})",
        evidence.accepted.len()
    )?;
    let faults = |is: fn(FaultKind) -> bool| evidence.injected_faults.iter().filter(|fault| is(fault.kind)).count();
    writeln!(
        text,
        "  faults in {:.0} s: service kills {}, pauses {}, broker kills {}, provider outages {}",
        result.duration.as_secs_f64(),
        faults(|kind| matches!(kind, FaultKind::Killed(_))),
        faults(|kind| matches!(kind, FaultKind::Paused(_))),
        faults(|kind| kind == FaultKind::BrokerKilled),
        faults(|kind| matches!(kind, FaultKind::ProviderOutage(_))),
    )?;
    writeln!(
        text,
        "  records: {} (duplicates {}, poison {}), dead letters {}, provider calls {}",
        evidence.facts.len() + evidence.poison.len(),
        result.injected.duplicates,
        evidence.poison.len(),
        evidence.dead_letters.len(),
        evidence.calls.len(),
    )
}

fn write_delays(text: &mut String, delays: &BTreeMap<DelayCause, Vec<Duration>>, suffix: &str) -> fmt::Result {
    for (cause, delays) in delays {
        let fault = match cause {
            DelayCause::Nothing => "none",
            DelayCause::Pause => "pause",
            DelayCause::ServiceKill => "service kill",
            DelayCause::BrokerKill => "broker kill",
        };
        let at = |percent: usize| delays[(delays.len() - 1) * percent / 100].as_millis();
        let fault = format!("{fault}{suffix}");
        writeln!(text, "    {fault:<32}{:>7}{:>7}{:>7}{:>8}", delays.len(), at(50), at(99), at(100))?;
    }
    Ok(())
}

fn write_violations(text: &mut String, result: &ChaosResult) -> fmt::Result {
    if result.violations.is_empty() {
        return writeln!(text, "✔ no rule violated");
    }
    let mut by_rule = BTreeMap::<_, Vec<_>>::new();
    for violation in &result.violations {
        by_rule.entry(violation.rule).or_default().push(&violation.detail);
    }
    for (rule, violations) in by_rule {
        let plural = if violations.len() == 1 { "violation" } else { "violations" };
        writeln!(text, "✘ {rule:?}: {} {plural}", violations.len())?;
        for violation in violations.iter().take(MAX_VIOLATIONS) {
            writeln!(text, "    {violation}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use xtask::ServiceName;

    use super::*;
    use crate::check::check;
    use crate::check::testing::{one_sold_order, poisoned, time};
    use crate::evidence::Evidence;
    use crate::faults::topic_fuzzer::InjectedRecords;
    use crate::system::InjectedFault;

    fn result(mut evidence: Evidence) -> ChaosResult {
        evidence.injected_faults.push(InjectedFault {
            kind: FaultKind::Killed(ServiceName::Payment),
            from: time(2),
            until: time(5),
        });
        evidence.isolated_since = Some(time(0));
        let injected = InjectedRecords { duplicates: 1, poison: 1 };
        ChaosResult { violations: check(&evidence), evidence, injected, duration: Duration::from_secs(125) }
    }

    #[test]
    fn report_states_success_when_no_rule_is_violated() {
        expect![[r#"
            orders: 1 (confirmed 1, dispatched 0, cancelled 0, by customers 0)
              faults in 125 s: service kills 1, pauses 0, broker kills 0, provider outages 0
              records: 7 (duplicates 1, poison 1), dead letters 2, provider calls 2
              all orders final 1.0 s after the last fault
              recovery time (last fault cleared until order final), ms:
                last fault                       orders    p50    p99     max
                service kill, isolated                1   1000   1000    1000
            ✔ no rule violated
        "#]]
        .assert_eq(&report(&result(poisoned())));
    }

    #[test]
    fn report_groups_violations_by_rule() {
        let mut evidence = one_sold_order();
        evidence.orders.clear();
        evidence.quiescence.final_after = None;
        expect![[r#"
            orders: 1 (confirmed 0, dispatched 0, cancelled 0, by customers 0)
              faults in 125 s: service kills 1, pauses 0, broker kills 0, provider outages 0
              records: 6 (duplicates 1, poison 0), dead letters 0, provider calls 2
              not all orders became final
              recovery time (last fault cleared until order final), ms:
                last fault                       orders    p50    p99     max
                service kill, isolated                1   1000   1000    1000
            ✘ Termination: 2 violations
                order 00000000-0000-0000-0000-000000000001 was accepted at 1970-01-01T00:00:01Z and does not exist
                order 00000000-0000-0000-0000-000000000001 has events and is unknown to the order service
            ✘ Money: 2 violations
                the gateway has an entry for the unknown order 00000000-0000-0000-0000-000000000001: GatewayTotals { captures: 1, captured_minor: 2500, refunds: 0, refunded_minor: 0, voids: 0 }
                captures minus refunds are 2500, the total of sold orders is 0
            ✘ Parcels: 1 violation
                the carrier has an entry for the unknown order 00000000-0000-0000-0000-000000000001: CarrierTotals { bookings: 1, unbooked: 0, closed: 0 }
            ✘ Quiescence: 1 violation
                not every order was final in time
            ✘ Stock: 1 violation
                2 of MUG are shipped and 0 are sold
        "#]].assert_eq(&report(&result(evidence)));
    }
}
