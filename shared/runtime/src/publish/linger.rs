//! A short delay in which records gather before they are sent. It applies only under load, when the cost of a request
//! (a write of the broker, and a fetch and a transaction of every consumer) exceeds the cost of its content.

use std::{num::NonZeroU32, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Records per second that are sent without delay. A service with more is busy.
const IMMEDIATE_RATE: NonZeroU32 = NonZeroU32::new(200).expect("not zero");
/// Maximum burst of such records.
const IMMEDIATE_BURST: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Delay of the first record while the service is busy.
const LINGER: Duration = Duration::from_millis(5);

/// Detects a busy service by a token bucket.
pub(crate) struct Linger {
    immediate: DefaultDirectRateLimiter,
    is_busy: bool,
}

impl Linger {
    pub(crate) fn new() -> Self {
        let quota = Quota::per_second(IMMEDIATE_RATE).allow_burst(IMMEDIATE_BURST);
        Self { immediate: RateLimiter::direct(quota), is_busy: false }
    }

    /// Counts a sent record.
    pub(crate) fn count(&mut self) {
        self.is_busy = self.immediate.check().is_err();
    }

    /// The delay of the first record after a pause, or `None` if the service is not busy.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.is_busy.then_some(LINGER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_linger_when_the_burst_is_exceeded() {
        let mut linger = Linger::new();
        for _ in 0..IMMEDIATE_BURST.get() {
            linger.count();
            assert_eq!(linger.delay(), None);
        }
        // The bucket refills by one token every 5 ms while the test runs. This many records certainly exhaust it.
        for _ in 0..10 * IMMEDIATE_BURST.get() {
            linger.count();
        }
        assert_eq!(linger.delay(), Some(LINGER));
    }
}
