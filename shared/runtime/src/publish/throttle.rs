//! How fast events of one type may go out: a token bucket for each, so that an event storm ends where it begins.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

/// Token buckets by event type. A bucket holds what may go out in one second.
pub(crate) struct Throttle {
    buckets: DefaultKeyedRateLimiter<&'static str>,
    clock: DefaultClock,
}

impl Throttle {
    pub(crate) fn new(events_per_s: NonZeroU32) -> Self {
        Self { buckets: RateLimiter::keyed(Quota::per_second(events_per_s)), clock: DefaultClock::default() }
    }

    /// Takes a token for an event of this type; `Some`: there is none, and how long until there is.
    pub(crate) fn wait(&self, event: &'static str) -> Option<Duration> {
        self.buckets.check_key(&event).err().map(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_a_bucket_of_its_own() {
        let throttle = Throttle::new(NonZeroU32::new(2).expect("not zero"));
        assert_eq!(throttle.wait("OrderPlaced"), None);
        assert_eq!(throttle.wait("OrderPlaced"), None);
        let wait = throttle.wait("OrderPlaced").expect("the bucket is empty");
        assert!(wait <= Duration::from_millis(500), "{wait:?}");
        assert_eq!(throttle.wait("OrderCancelled"), None);
    }
}
