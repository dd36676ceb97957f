//! Whether records gather before they go out: only while so many come that what a request costs (a write of the broker,
//! and a fetch and a transaction of every consumer) is more than what is in it.

use std::{num::NonZeroU32, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Records in a second that go out the moment they are there. A service that has more of them is busy.
const PROMPT_PER_S: NonZeroU32 = NonZeroU32::new(200).expect("not zero");
/// How many of these may come at once.
const PROMPT_BURST: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// How long the first record waits for others while the service is busy.
const GATHER_FOR: Duration = Duration::from_millis(5);

/// Tells a busy service by a token bucket.
pub(crate) struct Linger {
    prompt: DefaultDirectRateLimiter,
    is_busy: bool,
}

impl Linger {
    pub(crate) fn new() -> Self {
        let quota = Quota::per_second(PROMPT_PER_S).allow_burst(PROMPT_BURST);
        Self { prompt: RateLimiter::direct(quota), is_busy: false }
    }

    /// Counts a record that goes out.
    pub(crate) fn count(&mut self) {
        self.is_busy = self.prompt.check().is_err();
    }

    /// How long a record that is the first since others went out waits for more.
    pub(crate) fn gather(&self) -> Option<Duration> {
        self.is_busy.then_some(GATHER_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_gather_once_more_came_than_may_go_out_at_once() {
        let mut pace = Linger::new();
        for _ in 0..PROMPT_BURST.get() {
            pace.count();
            assert_eq!(pace.gather(), None);
        }
        // Time goes on meanwhile, and a token comes back every 5 ms: many more than that are surely too many.
        for _ in 0..10 * PROMPT_BURST.get() {
            pace.count();
        }
        assert_eq!(pace.gather(), Some(GATHER_FOR));
    }
}
