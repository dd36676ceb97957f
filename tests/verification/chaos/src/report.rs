//! What a run came to, for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::recovery::{DelayCause, delays};
use crate::run::ChaosResult;
use crate::system::FaultKind;

/// Violations of one rule that are shown.
const SHOWN: usize = 8;

/// The whole scripted_order.
pub fn report(outcome: &ChaosResult) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = tell(&mut text, outcome);
    text
}

fn tell(text: &mut String, outcome: &ChaosResult) -> fmt::Result {
    let evidence = &outcome.evidence;
    let count = |status: &str| evidence.orders.values().filter(|order| order.status == status).count();
    let [confirmed, dispatched, cancelled] = ["confirmed", "dispatched", "cancelled"].map(count);
    let asked = evidence.accepted.values().filter(|order| order.cancelled).count();
    writeln!(
        text,
        "{} orders: {confirmed} confirmed, {dispatched} dispatched, {cancelled} cancelled ({asked} by their customers)",
        evidence.accepted.len()
    )?;
    let done = |is: fn(FaultKind) -> bool| evidence.injected_faults.iter().filter(|fault| is(fault.what)).count();
    writeln!(
        text,
        "  done to the suite in {:.0} s: {} kills of services, {} pauses, {} kills of the broker, {} times trouble",
        outcome.flowed.as_secs_f64(),
        done(|what| matches!(what, FaultKind::Killed(_))),
        done(|what| matches!(what, FaultKind::Paused(_))),
        done(|what| what == FaultKind::BrokerKilled),
        done(|what| matches!(what, FaultKind::Trouble(_))),
    )?;
    writeln!(
        text,
        "  in the topics: {} records with {} duplicates and {} of poison, {} dead letters; {} calls to providers",
        evidence.facts.len() + evidence.poison.len(),
        outcome.added.duplicates,
        evidence.poison.len(),
        evidence.dead_letters.len(),
        evidence.calls.len(),
    )?;
    match evidence.quiescence.final_after {
        Some(after) => {
            writeln!(text, "  every order was final {:.1} s after the last fault was over", after.as_secs_f64())?;
        }
        None => writeln!(text, "  not every order became final")?,
    }
    if let Some(calm) = evidence.isolated_since {
        writeln!(text, "  from when all was well again until an order's end, in ms:")?;
        writeln!(text, "    {:<32}{:>7}{:>7}{:>7}{:>8}", "what came before", "orders", "p50", "p99", "max")?;
        write_delays(text, &delays(evidence, ..calm), "")?;
        write_delays(text, &delays(evidence, calm..), ", alone")?;
    }
    write_violations(text, outcome)
}

fn write_delays(text: &mut String, delays: &BTreeMap<DelayCause, Vec<Duration>>, how: &str) -> fmt::Result {
    for (cause, delays) in delays {
        let what = match cause {
            DelayCause::Nothing => "nothing",
            DelayCause::Pause => "a pause",
            DelayCause::ServiceKill => "a killed service",
            DelayCause::BrokerKill => "a killed broker",
        };
        let at = |percent: usize| delays[(delays.len() - 1) * percent / 100].as_millis();
        let what = format!("{what}{how}");
        writeln!(text, "    {what:<32}{:>7}{:>7}{:>7}{:>8}", delays.len(), at(50), at(99), at(100))?;
    }
    Ok(())
}

fn write_violations(text: &mut String, outcome: &ChaosResult) -> fmt::Result {
    if outcome.violations.is_empty() {
        return writeln!(text, "✔ no rule is broken");
    }
    let mut by_rule = BTreeMap::<_, Vec<_>>::new();
    for violation in &outcome.violations {
        by_rule.entry(violation.rule).or_default().push(&violation.what);
    }
    for (rule, violations) in by_rule {
        writeln!(text, "✘ {rule:?} is broken {} times:", violations.len())?;
        for violation in violations.iter().take(SHOWN) {
            writeln!(text, "    {violation}")?;
        }
    }
    Ok(())
}
