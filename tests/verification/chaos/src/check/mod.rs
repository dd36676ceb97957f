//! The rules: each a pure function from evidence to violations. None of them asks the suite anything.

mod dead_letters;
mod exactly_once;
mod liveness;
mod money;
mod parcels;
mod provider_idempotency;
mod quiescence;
mod recovery_time;
mod stock;
mod termination;
#[cfg(test)]
pub(crate) mod testing;
mod traces;

use std::fmt;
use std::time::Duration;

use crate::evidence::Evidence;

/// After the faults every order is final within this time.
pub const FINAL_WITHIN: Duration = Duration::from_mins(1);

/// What a rule is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// No service ends unless it is told to.
    Liveness,
    /// No call to a provider that was answered is made again, unless its service was killed meanwhile.
    ProviderIdempotency,
    /// Dead letters are exactly the poison, once for each service that reads it.
    DeadLetters,
    /// Every accepted order ends exactly once, and there is no other.
    Termination,
    /// At most one capture for each order, and what was captured and not refunded is what was sold.
    Money,
    /// Every fact was published, once, whole, under its order's key, after the facts before it.
    ExactlyOnce,
    /// What ships is paid and booked, once; nothing else is.
    Parcels,
    /// After the faults everything comes to rest in time, with nothing left to do.
    Quiescence,
    /// Stock is conserved, never negative, and nothing is held.
    Stock,
    /// One connected trace for each order, and one tree of causes.
    Traces,
    /// What was killed alone holds up no order for long once it is back.
    RecoveryTime,
}

/// A rule that was broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// By what.
    pub what: String,
}

impl Violation {
    fn new(rule: Rule, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// Tells how a rule is broken.
type Check = fn(&Evidence) -> Vec<String>;

/// All violations.
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    let rules: [(Rule, Check); 11] = [
        (Rule::Liveness, liveness::check),
        (Rule::Termination, termination::check),
        (Rule::Money, money::check),
        (Rule::Stock, stock::check),
        (Rule::Parcels, parcels::check),
        (Rule::ProviderIdempotency, provider_idempotency::check),
        (Rule::ExactlyOnce, exactly_once::check),
        (Rule::Traces, traces::check),
        (Rule::DeadLetters, dead_letters::check),
        (Rule::Quiescence, quiescence::check),
        (Rule::RecoveryTime, recovery_time::check),
    ];
    let violations =
        |(rule, check): (Rule, Check)| check(evidence).into_iter().map(move |what| Violation::new(rule, what));
    rules.into_iter().flat_map(violations).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_good_order_breaks_no_rule() {
        assert_eq!(check(&testing::one_sold_order()), []);
    }
}
