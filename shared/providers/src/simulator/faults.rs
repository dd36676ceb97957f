//! Faults of a provider that do not depend on the request.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use contracts::OrderId;

/// Faults in addition to those that a request asks for. None by default.
///
/// The calls that a fault affects follow from their kind, key and attempt, so a run can be repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultProfile {
    /// Delay before a call arrives.
    pub latency: Duration,
    /// Percentage of calls that fail without an effect.
    pub failing_percent: u8,
    /// Percentage of calls that take effect, but whose answer is lost.
    pub lost_percent: u8,
}

/// The outcome of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    Answered,
    /// Fails without an effect.
    Fails,
    /// Takes effect, but the answer is lost.
    AnswerLost,
}

impl FaultProfile {
    pub(super) fn outcome(self, kind: &'static str, key: OrderId, attempt: u32) -> AttemptOutcome {
        let mut hasher = DefaultHasher::new();
        (kind, key, attempt).hash(&mut hasher);
        let failing = u64::from(self.failing_percent);
        match hasher.finish() % 100 {
            roll if roll < failing => AttemptOutcome::Fails,
            roll if roll < failing + u64::from(self.lost_percent) => AttemptOutcome::AnswerLost,
            _ => AttemptOutcome::Answered,
        }
    }
}
