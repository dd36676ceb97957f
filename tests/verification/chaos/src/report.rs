//! What a run came to, for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::delays::{Cause, delays};
use crate::run::Outcome;
use crate::stage::What;

/// Violations of one rule that are shown.
const SHOWN: usize = 8;

/// The whole story.
pub fn report(outcome: &Outcome) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = tell(&mut text, outcome);
    text
}

fn tell(text: &mut String, outcome: &Outcome) -> fmt::Result {
    let evidence = &outcome.evidence;
    let count = |status: &str| evidence.orders.values().filter(|order| order.status == status).count();
    let [confirmed, dispatched, cancelled] = ["confirmed", "dispatched", "cancelled"].map(count);
    let asked = evidence.accepted.values().filter(|order| order.cancelled).count();
    writeln!(
        text,
        "{} orders: {confirmed} confirmed, {dispatched} dispatched, {cancelled} cancelled ({asked} by their customers)",
        evidence.accepted.len()
    )?;
    let done = |is: fn(What) -> bool| evidence.deeds.iter().filter(|deed| is(deed.what)).count();
    writeln!(
        text,
        "  done to the suite in {:.0} s: {} kills of services, {} pauses, {} kills of the broker, {} times trouble",
        outcome.flowed.as_secs_f64(),
        done(|what| matches!(what, What::Killed(_))),
        done(|what| matches!(what, What::Paused(_))),
        done(|what| what == What::BrokerKilled),
        done(|what| matches!(what, What::Trouble(_))),
    )?;
    writeln!(
        text,
        "  in the topics: {} records with {} doubles and {} of poison, {} dead letters; {} calls to providers",
        evidence.facts.len() + evidence.poison.len(),
        outcome.added.doubles,
        evidence.poison.len(),
        evidence.dead_letters.len(),
        evidence.calls.len(),
    )?;
    match evidence.rest.final_after {
        Some(after) => {
            writeln!(text, "  every order was final {:.1} s after the last fault was over", after.as_secs_f64())?;
        }
        None => writeln!(text, "  not every order became final")?,
    }
    if let Some(calm) = evidence.calm_since {
        writeln!(text, "  from when all was well again until an order's end, in ms:")?;
        writeln!(text, "    {:<32}{:>7}{:>7}{:>7}{:>8}", "what came before", "orders", "p50", "p99", "max")?;
        tell_delays(text, &delays(evidence, ..calm), "")?;
        tell_delays(text, &delays(evidence, calm..), ", alone")?;
    }
    tell_violations(text, outcome)
}

fn tell_delays(text: &mut String, delays: &BTreeMap<Cause, Vec<Duration>>, how: &str) -> fmt::Result {
    for (cause, delays) in delays {
        let what = match cause {
            Cause::Nothing => "nothing",
            Cause::Pause => "a pause",
            Cause::ServiceKill => "a killed service",
            Cause::BrokerKill => "a killed broker",
        };
        let at = |percent: usize| delays[(delays.len() - 1) * percent / 100].as_millis();
        let what = format!("{what}{how}");
        writeln!(text, "    {what:<32}{:>7}{:>7}{:>7}{:>8}", delays.len(), at(50), at(99), at(100))?;
    }
    Ok(())
}

fn tell_violations(text: &mut String, outcome: &Outcome) -> fmt::Result {
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
