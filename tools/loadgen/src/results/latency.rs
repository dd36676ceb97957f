//! Latencies as a histogram with three significant digits.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Upper bound of the histogram: one hour. Longer latencies count as one hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Smallest remaining fraction in a curve, that of p99.99, with a margin for floating-point error.
const LEAST_LEFT: f64 = 0.000_099;

/// Points of a curve per factor of ten in the remaining fraction.
const POINTS_PER_TENTH: f64 = 10.0;

/// Histogram of latencies.
pub(crate) struct Latencies(Histogram<u64>);

/// Summary of latencies, in milliseconds.
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

    /// Percentiles; all zero if nothing was recorded.
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

    /// Curve from the median to p99.99. Points are equidistant by the logarithm of the remaining fraction, ten for each
    /// factor of ten. The curve ends where less than one latency remains, because further points would only repeat the
    /// maximum.
    pub(crate) fn curve(&self) -> Vec<QuantilePoint> {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 orders")]
        let least_left = 1.0 / self.0.len().max(1) as f64;
        let lefts = (0..).map(|step| 0.5 * 0.1_f64.powf(f64::from(step) / POINTS_PER_TENTH));
        let lefts = lefts.take_while(|left| *left >= least_left.max(LEAST_LEFT));
        let quantiles = lefts.map(|left| 1.0 - left);
        quantiles.map(|quantile| QuantilePoint { quantile, ms: ms(self.0.value_at_quantile(quantile)) }).collect()
    }
}

impl Percentiles {
    /// Table cells in the order of [`Percentiles::HEADER`].
    pub(crate) fn cells(&self) -> [String; 5] {
        self.ms().map(|ms| format!("{ms:.1}"))
    }

    /// Like [`Percentiles::cells`], with one more digit.
    pub(crate) fn fine_cells(&self) -> [String; 5] {
        self.ms().map(|ms| format!("{ms:.2}"))
    }

    fn ms(&self) -> [f64; 5] {
        [self.p50_ms, self.p90_ms, self.p99_ms, self.p99_9_ms, self.max_ms]
    }

    /// Column titles.
    pub(crate) const HEADER: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];
}

/// A point of a curve: the fraction `quantile` of all latencies is at most `ms`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct QuantilePoint {
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
    fn percentiles_match_recorded_latencies() {
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
    fn percentiles_are_zero_when_empty_and_bounded() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentiles().cells(), ["0.0"; 5]);
        latencies.record(Duration::from_hours(10));
        let longest = latencies.percentiles().max_ms;
        assert!((3_600_000.0..3_610_000.0).contains(&longest), "{longest}");
    }

    #[test]
    fn curve_rises_from_median_to_last_latency() {
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
