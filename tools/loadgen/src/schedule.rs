//! When the requests of an open loop are due.

use std::time::Duration;

/// Requests at a constant rate. Their times depend on nothing but their numbers: a suite that falls behind is sent no less.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    rate: f64,
    len: u64,
}

impl Schedule {
    /// So many requests, so many of them a second.
    pub(crate) fn new(rate: f64, len: u64) -> Self {
        Self { rate, len }
    }

    /// As many requests as are due in this time.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and neither is negative")]
    pub(crate) fn lasting(rate: f64, time: Duration) -> Self {
        Self::new(rate, (rate * time.as_secs_f64()).ceil() as u64)
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// How many requests there are.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// When each request is due, counted from the first.
    pub(crate) fn times(&self) -> impl Iterator<Item = Duration> + use<> {
        let rate = self.rate;
        // Each from its own number: sums of intervals would drift.
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests")]
        (0..self.len).map(move |number| Duration::from_secs_f64(number as f64 / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_equal_distances_from_zero_on() {
        let times: Vec<_> = Schedule::new(20.0, 4).times().collect();
        assert_eq!(times, [0, 50, 100, 150].map(Duration::from_millis));
    }

    #[test]
    fn the_last_of_many_is_not_late() {
        let last = Schedule::lasting(3.0, Duration::from_hours(1)).times().last().unwrap();
        let expected = Duration::from_secs(3600 * 3 - 1) / 3;
        assert!(last.abs_diff(expected) < Duration::from_micros(1), "{last:?}");
    }

    #[test]
    fn a_begun_interval_has_its_request() {
        assert_eq!(Schedule::lasting(20.0, Duration::from_secs(3)).len(), 60);
        assert_eq!(Schedule::lasting(0.3, Duration::from_secs(4)).len(), 2);
    }
}
