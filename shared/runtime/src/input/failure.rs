//! Why a record can't be handled, and what is done about it.

use std::{any::Any, time::Duration};

use decider::LogError;
use strum::IntoStaticStr;

/// What kind of failure it is. The names are those of `dlq_class` and of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Class {
    /// The record breaks its contract.
    Contract,
    /// Too many events led to it, one after the other.
    Loop,
    /// It makes this build panic.
    Panic,
    /// It is of a version newer than this build knows. A newer build can read it.
    Version,
    /// The log of a stream that it concerns can't be read by this build.
    Log,
    /// The store refuses what follows from it.
    Store,
    /// It waits behind an earlier record of its order.
    Held,
}

impl Class {
    /// Whether the record will fail again whenever it is tried.
    fn is_final(self) -> bool {
        matches!(self, Self::Contract | Self::Loop | Self::Panic)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// Why a record, a command or an answer can't be handled.
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

    /// From what a panic left.
    pub(crate) fn panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::new(Class::Panic, text.unwrap_or("a panic without words"))
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::new(Class::Log, error.to_string())
    }
}

/// When a record that failed is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// Attempts before the record becomes a dead letter.
    pub(crate) attempts_max: u32,
    /// The longest wait before an attempt.
    pub(crate) backoff_max: Duration,
}

/// The longest wait before the second attempt; it doubles with each.
const BACKOFF_MIN: Duration = Duration::from_millis(200);

impl RetryPolicy {
    /// How long to wait after so many attempts; `None`: there is none left, or it would be for nothing.
    ///
    /// Exponential with full jitter: anything from nothing to the longest, so that what failed together doesn't come
    /// again together.
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
    fn waits_double_up_to_the_longest_and_end() {
        let longest = |attempts| (0..1000).filter_map(|_| POLICY.wait(Class::Version, attempts)).max();
        let near = |longest: Option<Duration>, bound_ms: u64| {
            let longest_ms = longest.expect("there are attempts left").as_millis();
            assert!(longest_ms <= bound_ms.into() && longest_ms > u128::from(bound_ms) * 9 / 10, "{longest_ms} ms");
        };
        near(longest(1), 200);
        near(longest(2), 400);
        near(longest(9), 5000);
        assert_eq!(longest(10), None);
    }

    #[test]
    fn what_fails_for_ever_is_not_tried_again() {
        for class in [Class::Contract, Class::Loop, Class::Panic] {
            assert_eq!(POLICY.wait(class, 1), None);
        }
    }
}
