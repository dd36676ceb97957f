//! Due times of the requests of an open loop.

use std::time::Duration;

/// Requests at a constant rate. The schedule does not depend on responses, so a slow suite gets as many requests as a
/// fast one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    rate: f64,
    len: u64,
}

impl Schedule {
    /// `rate` is in requests per second, `len` the number of requests.
    pub(crate) fn new(rate: f64, len: u64) -> Self {
        Self { rate, len }
    }

    /// Schedule with the requests that are due within `time`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and neither is negative")]
    pub(crate) fn lasting(rate: f64, time: Duration) -> Self {
        Self::new(rate, (rate * time.as_secs_f64()).ceil() as u64)
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.rate
    }

    /// Number of requests.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Due time of each request, relative to the first.
    pub(crate) fn times(&self) -> impl Iterator<Item = Duration> + use<> {
        let rate = self.rate;
        // Computed from the number: a sum of intervals would drift.
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 requests")]
        (0..self.len).map(move |number| Duration::from_secs_f64(number as f64 / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_equidistant_from_zero() {
        let times: Vec<_> = Schedule::new(20.0, 4).times().collect();
        assert_eq!(times, [0, 50, 100, 150].map(Duration::from_millis));
    }

    #[test]
    fn times_do_not_drift_over_many_requests() {
        let last = Schedule::lasting(3.0, Duration::from_hours(1)).times().last().unwrap();
        let expected = Duration::from_secs(3600 * 3 - 1) / 3;
        assert!(last.abs_diff(expected) < Duration::from_micros(1), "{last:?}");
    }

    #[test]
    fn lasting_rounds_up_partial_intervals() {
        assert_eq!(Schedule::lasting(20.0, Duration::from_secs(3)).len(), 60);
        assert_eq!(Schedule::lasting(0.3, Duration::from_secs(4)).len(), 2);
    }
}
