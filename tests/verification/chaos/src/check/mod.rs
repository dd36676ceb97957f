//! The rules, each a pure function from evidence to violations. No rule contacts the suite.

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

use crate::evidence::Evidence;
use std::fmt;

/// Name of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// No service exits by itself, and no valid request is rejected.
    Liveness,
    /// An answered provider call is never repeated, unless its service was killed in between.
    ProviderIdempotency,
    /// Each consumer of a poison record has exactly one dead letter of it, and there are no other dead letters.
    DeadLetters,
    /// Every accepted order ends exactly once, and no other order exists.
    Termination,
    /// At most one capture for each order, and captures minus refunds equal the total of the sold orders.
    Money,
    /// Every event has one id, one sequence number without gaps, valid data and its order's key, and follows its
    /// predecessors.
    ExactlyOnce,
    /// Every shipped order is paid and booked once. No other order is booked.
    Parcels,
    /// After the faults all work is completed in time.
    Quiescence,
    /// Stock is conserved and never negative, and no reservation remains.
    Stock,
    /// Each order has one trace and one connected tree of causes.
    Traces,
    /// After an isolated kill, orders recover within a bound.
    RecoveryTime,
}

/// A violated rule, with details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: Rule,
    pub detail: String,
}

impl Violation {
    fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// Returns one text per violation.
type Check = fn(&Evidence) -> Vec<String>;

/// Checks all rules.
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
        |(rule, check): (Rule, Check)| check(evidence).into_iter().map(move |detail| Violation::new(rule, detail));
    rules.into_iter().flat_map(violations).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_order_violates_no_rule() {
        assert_eq!(check(&testing::one_sold_order()), []);
    }
}
