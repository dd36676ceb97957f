//! Latencies, kept as a histogram with three significant digits.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longer than any order may take: what is longer counts as this.
const LONGEST_US: u64 = 3_600_000_000;

/// Where curves end: p99.99, give or take what a float is inexact.
const LEAST_LEFT: f64 = 0.000_099;

/// How many points a curve has from one quantile to that with a tenth of it left.
const POINTS_PER_TENTH: f64 = 10.0;

/// Latencies of many orders.
pub(crate) struct Latencies(Histogram<u64>);

/// What is told of latencies, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p99_9_ms: f64,
    pub(crate) max_ms: f64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("these bounds are valid"))
    }
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// What is told of them; all zero if there is none.
    pub(crate) fn percentiles(&self) -> Percentiles {
        let at = |quantile| ms(self.0.value_at_quantile(quantile).min(self.0.max()));
        Percentiles {
            count: self.0.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p99_9_ms: at(0.999),
            max_ms: ms(self.0.max()),
        }
    }

    /// The curve from the median to p99.99: points at equal distances by what is left above, ten for each tenth of it. None
    /// where fewer than one latency is left, for there the curve would tell of nothing but the longest.
    pub(crate) fn curve(&self) -> Vec<Point> {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 orders")]
        let least_left = 1.0 / self.0.len().max(1) as f64;
        let lefts = (0..).map(|step| 0.5 * 0.1_f64.powf(f64::from(step) / POINTS_PER_TENTH));
        let lefts = lefts.take_while(|left| *left >= least_left.max(LEAST_LEFT));
        let quantiles = lefts.map(|left| 1.0 - left);
        quantiles.map(|quantile| Point { quantile, ms: ms(self.0.value_at_quantile(quantile)) }).collect()
    }
}

impl Percentiles {
    /// The cells of a table, in the order of [`Percentiles::HEADER`].
    pub(crate) fn cells(&self) -> [String; 5] {
        [self.p50_ms, self.p90_ms, self.p99_ms, self.p99_9_ms, self.max_ms].map(|ms| format!("{ms:.1}"))
    }

    /// The names of the cells.
    pub(crate) const HEADER: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];
}

/// A point of a curve: how many parts of all are at most that long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Point {
    /// Between 0 and 1.
    pub(crate) quantile: f64,
    pub(crate) ms: f64,
}

#[expect(clippy::cast_precision_loss, reason = "at most an hour")]
fn ms(us: u64) -> f64 {
    us as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        for ms in 1..=1000 {
            latencies.record(Duration::from_millis(ms));
        }
        let percentiles = latencies.percentiles();
        let near = |value: f64, expected: f64| (value - expected).abs() <= expected / 500.0;
        assert_eq!(percentiles.count, 1000);
        assert!(near(percentiles.p50_ms, 500.0) && near(percentiles.p90_ms, 900.0), "{percentiles:?}");
        assert!(near(percentiles.p99_ms, 990.0) && near(percentiles.p99_9_ms, 999.0), "{percentiles:?}");
        assert!(near(percentiles.max_ms, 1000.0), "{percentiles:?}");
    }

    #[test]
    fn nothing_recorded_is_zero_and_too_long_is_the_longest() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentiles().cells(), ["0.0"; 5]);
        latencies.record(Duration::from_hours(10));
        let longest = latencies.percentiles().max_ms;
        assert!((3_600_000.0..3_610_000.0).contains(&longest), "{longest}");
    }

    #[test]
    fn the_curve_rises_from_the_median_to_where_one_is_left() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.curve(), []);
        for ms in 1..=1000 {
            latencies.record(Duration::from_millis(ms));
        }
        let curve = latencies.curve();
        let (first, last) = (curve[0], curve[curve.len() - 1]);
        assert!((499.0..502.0).contains(&first.ms) && (first.quantile - 0.5).abs() < 1e-9, "{first:?}");
        assert!((0.998..=0.999).contains(&last.quantile), "{last:?}");
        assert!(curve.is_sorted_by(|a, b| a.quantile < b.quantile && a.ms <= b.ms), "{curve:?}");
    }
}
