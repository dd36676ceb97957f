//! Failures of records, commands and responses, and when to retry them.

use std::{any::Any, time::Duration};

use decider::LogError;
use strum::IntoStaticStr;

/// The class of a failure. The names are those in `dlq_class` and in metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Class {
    /// The record violates its contract.
    Contract,
    /// Too many events in sequence caused the record.
    Loop,
    /// The record makes this build panic.
    Panic,
    /// The record has a newer version than this build knows. A newer build can read it.
    Version,
    /// This build cannot read the log of a stream that the record concerns.
    Log,
    /// The store rejects the effects of the record.
    Store,
    /// The record waits behind an earlier record of its ordering key.
    Held,
}

impl Class {
    /// Returns whether each attempt fails in the same way.
    fn is_final(self) -> bool {
        matches!(self, Self::Contract | Self::Loop | Self::Panic)
    }

    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// The reason why a record, a command or a response cannot be handled.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {error}", class.name())]
pub(crate) struct Failure {
    pub(crate) class: Class,
    pub(crate) error: String,
}

impl Failure {
    pub(crate) fn new(class: Class, error: impl Into<String>) -> Self {
        Self { class, error: error.into() }
    }

    /// The failure of code that panicked with this payload.
    pub(crate) fn panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self::new(Class::Panic, text.unwrap_or("panic with non-string payload"))
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::new(Class::Log, error.to_string())
    }
}

/// Number and times of the attempts to handle a failing record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// Attempts before the record becomes a dead letter.
    pub(crate) attempts_max: u32,
    /// Maximum wait before an attempt.
    pub(crate) backoff_max: Duration,
}

/// Maximum wait before the second attempt. It doubles with each attempt.
const BACKOFF_MIN: Duration = Duration::from_millis(200);

impl RetryPolicy {
    /// The wait after this many attempts. Returns `None` if no attempt is left, or if each would fail in the same way.
    ///
    /// Exponential backoff with full jitter: a random wait up to the maximum, so that records that failed together are not
    /// retried together.
    pub(crate) fn wait(&self, class: Class, attempts: u32) -> Option<Duration> {
        if class.is_final() || attempts >= self.attempts_max {
            return None;
        }
        let longest = BACKOFF_MIN.saturating_mul(2u32.saturating_pow(attempts.saturating_sub(1)));
        Some(longest.min(self.backoff_max).mul_f64(fastrand::f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy { attempts_max: 10, backoff_max: Duration::from_secs(5) };

    #[test]
    fn waits_double_up_to_the_maximum_and_end() {
        let longest = |attempts| (0..1000).filter_map(|_| POLICY.wait(Class::Version, attempts)).max();
        let near = |longest: Option<Duration>, bound_ms: u64| {
            let longest_ms = longest.expect("attempts are left").as_millis();
            assert!(longest_ms <= bound_ms.into() && longest_ms > u128::from(bound_ms) * 9 / 10, "{longest_ms} ms");
        };
        near(longest(1), 200);
        near(longest(2), 400);
        near(longest(9), 5000);
        assert_eq!(longest(10), None);
    }

    #[test]
    fn final_failures_are_not_retried() {
        for class in [Class::Contract, Class::Loop, Class::Panic] {
            assert_eq!(POLICY.wait(class, 1), None);
        }
    }
}
