//! Comparison of the figures of two commits.

use std::fmt;

use anyhow::Result;
use serde::Deserialize;

use crate::table::Table;

/// A measurement in the load generator's JSON report.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MeasuredRun {
    scenario: String,
    load: String,
    sagas_per_second: f64,
    post_to_202: LatencyFigures,
    post_to_final: LatencyFigures,
    suite_cpu_ms_per_saga: Option<f64>,
    written_by_services_bytes_per_saga: f64,
    memory_of_services: MemoryFigures,
}

/// In milliseconds.
#[derive(Debug, Clone, Deserialize)]
struct LatencyFigures {
    #[serde(rename = "p50_ms")]
    p50: f64,
    #[serde(rename = "p99_ms")]
    p99: f64,
    #[serde(rename = "p99_9_ms")]
    p99_9: f64,
}

#[derive(Debug, Clone, Deserialize)]
struct MemoryFigures {
    peak_bytes: f64,
    steady_bytes: f64,
}

/// Name of a figure and its value.
type Metric = (&'static str, fn(&MeasuredRun) -> Option<f64>);

const METRICS: [Metric; 9] = [
    ("sagas/s", |run| Some(run.sagas_per_second)),
    ("p50 ms", |run| Some(run.post_to_final.p50)),
    ("p99 ms", |run| Some(run.post_to_final.p99)),
    ("p99.9 ms", |run| Some(run.post_to_final.p99_9)),
    ("POST to 202, p50 ms", |run| Some(run.post_to_202.p50)),
    ("CPU ms/saga", |run| run.suite_cpu_ms_per_saga),
    ("disk KB/saga", |run| Some(run.written_by_services_bytes_per_saga / 1e3)),
    ("peak memory MB", |run| Some(run.memory_of_services.peak_bytes / 1e6)),
    ("median memory MB", |run| Some(run.memory_of_services.steady_bytes / 1e6)),
];

/// Measurements of two sides.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    names: [String; 2],
    runs: [Vec<MeasuredRun>; 2],
}

/// Reads the measurements of a report.
///
/// # Errors
/// It is not a report of the load generator.
pub(super) fn read(text: &str) -> Result<Vec<MeasuredRun>> {
    #[derive(Deserialize)]
    struct Measured {
        runs: Vec<MeasuredRun>,
    }
    Ok(serde_json::from_str::<Measured>(text)?.runs)
}

impl Comparison {
    /// A comparison of two sides with these names.
    pub(super) fn of(names: [String; 2]) -> Self {
        Self { names, ..Self::default() }
    }

    /// Adds measurements of one side.
    pub(super) fn add(&mut self, side: usize, runs: Vec<MeasuredRun>) {
        self.runs[side].extend(runs);
    }

    /// Scenarios with their loads, in the order of their measurement.
    fn loads(&self) -> Vec<(&str, &str)> {
        let mut loads = Vec::new();
        for load in self.runs.iter().flatten().map(MeasuredRun::key) {
            if !loads.contains(&load) {
                loads.push(load);
            }
        }
        loads
    }

    fn figures(&self, load: (&str, &str), metric: Metric) -> [Option<Figures>; 2] {
        let of =
            |runs: &Vec<MeasuredRun>| Figures::of(runs.iter().filter(|run| run.key() == load).filter_map(metric.1));
        [of(&self.runs[0]), of(&self.runs[1])]
    }
}

impl MeasuredRun {
    fn key(&self) -> (&str, &str) {
        (&self.scenario, &self.load)
    }
}

/// Summary of the same figure in several runs.
struct Figures {
    median: f64,
    min: f64,
    max: f64,
}

impl Figures {
    /// Returns `None` without figures.
    fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median, min, max })
    }

    /// Difference between maximum and minimum, in percent of the median.
    fn spread_percent(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.max - self.min) * 100.0 / self.median }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] = &self.names;
        writeln!(f, "A: {before}\nB: {after}\nMedians; the spread is maximum minus minimum, relative to the median")?;
        for load in self.loads() {
            let header = ["metric", "A", "B", "B/A", "spread of A", "spread of B"];
            let mut table = Table::new(&header, &[1, 2, 3, 4, 5]);
            for metric in METRICS {
                let [Some(a), Some(b)] = self.figures(load, metric) else { continue };
                let ratio = if a.median == 0.0 { "-".to_owned() } else { format!("{:.2}", b.median / a.median) };
                let spreads = [&a, &b].map(|figures| format!("{:.0} %", figures.spread_percent()));
                let medians = [&a, &b].map(|figures| format!("{:.2}", figures.median));
                let cells = [metric.0.to_owned()].into_iter().chain(medians).chain([ratio]).chain(spreads);
                table.row(cells.collect());
            }
            write!(f, "\n{} ({})\n{table}", load.1, load.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn report(load: &str, sagas_per_second: f64, cpu: &str) -> Vec<MeasuredRun> {
        let latency =
            r#"{"count": 9, "p50_ms": 10.0, "p90_ms": 11.0, "p99_ms": 20.0, "p99_9_ms": 30.0, "max_ms": 31.0}"#;
        let text = format!(
            r#"{{"cores": 2, "runs": [{{
                "scenario": "plain", "load": "{load}", "sagas_per_second": {sagas_per_second},
                "post_to_202": {latency}, "post_to_final": {latency}, "suite_cpu_ms_per_saga": {cpu},
                "written_by_services_bytes_per_saga": 40000.0,
                "memory_of_services": {{"peak_bytes": 80000000, "steady_bytes": 70000000}}
            }}]}}"#
        );
        read(&text).expect("a report")
    }

    #[test]
    fn comparison_shows_medians_ratio_and_spread() {
        let mut comparison = Comparison::of(["abc1234".into(), "this checkout".into()]);
        for (before, after) in [(100.0, 150.0), (120.0, 180.0), (90.0, 200.0)] {
            comparison.add(0, report("48 in flight", before, "2.0"));
            comparison.add(1, report("48 in flight", after, "1.0"));
        }
        comparison.add(0, report("1 in flight", 50.0, "null"));
        comparison.add(1, report("1 in flight", 60.0, "3.0"));
        expect![[r#"
            A: abc1234
            B: this checkout
            Medians; the spread is maximum minus minimum, relative to the median

            48 in flight (plain)
              metric                    A       B   B/A  spread of A  spread of B
              ───────────────────  ──────  ──────  ────  ───────────  ───────────
              sagas/s              100.00  180.00  1.80         30 %         28 %
              p50 ms                10.00   10.00  1.00          0 %          0 %
              p99 ms                20.00   20.00  1.00          0 %          0 %
              p99.9 ms              30.00   30.00  1.00          0 %          0 %
              POST to 202, p50 ms   10.00   10.00  1.00          0 %          0 %
              CPU ms/saga            2.00    1.00  0.50          0 %          0 %
              disk KB/saga          40.00   40.00  1.00          0 %          0 %
              peak memory MB        80.00   80.00  1.00          0 %          0 %
              median memory MB      70.00   70.00  1.00          0 %          0 %

            1 in flight (plain)
              metric                   A      B   B/A  spread of A  spread of B
              ───────────────────  ─────  ─────  ────  ───────────  ───────────
              sagas/s              50.00  60.00  1.20          0 %          0 %
              p50 ms               10.00  10.00  1.00          0 %          0 %
              p99 ms               20.00  20.00  1.00          0 %          0 %
              p99.9 ms             30.00  30.00  1.00          0 %          0 %
              POST to 202, p50 ms  10.00  10.00  1.00          0 %          0 %
              disk KB/saga         40.00  40.00  1.00          0 %          0 %
              peak memory MB       80.00  80.00  1.00          0 %          0 %
              median memory MB     70.00  70.00  1.00          0 %          0 %
        "#]]
        .assert_eq(&comparison.to_string());
    }

    #[test]
    fn figures_need_a_value() {
        assert!(Figures::of(std::iter::empty()).is_none());
        let zeros = Figures::of([0.0, 0.0].into_iter()).expect("two values");
        assert!(zeros.spread_percent() == 0.0 && zeros.median == 0.0);
    }

    #[test]
    fn other_documents_are_rejected() {
        assert!(read("{}").is_err());
    }
}
