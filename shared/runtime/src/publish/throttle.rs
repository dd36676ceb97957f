//! Rate limit for the events of one type, which ends an event storm where it starts.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

/// A token bucket per event type. Its capacity is the events of one second.
pub(crate) struct Throttle {
    buckets: DefaultKeyedRateLimiter<&'static str>,
    clock: DefaultClock,
}

impl Throttle {
    pub(crate) fn new(events_per_s: NonZeroU32) -> Self {
        Self { buckets: RateLimiter::keyed(Quota::per_second(events_per_s)), clock: DefaultClock::default() }
    }

    /// Takes a token for an event of this type. If the bucket is empty, returns the time until the next token.
    pub(crate) fn wait(&self, event: &'static str) -> Option<Duration> {
        self.buckets.check_key(&event).err().map(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_types_are_limited_independently() {
        let throttle = Throttle::new(NonZeroU32::new(2).expect("not zero"));
        assert_eq!(throttle.wait("Opened"), None);
        assert_eq!(throttle.wait("Opened"), None);
        let wait = throttle.wait("Opened").expect("the bucket is empty");
        assert!(wait <= Duration::from_millis(500), "{wait:?}");
        assert_eq!(throttle.wait("Closed"), None);
    }
}
