//! Performance goals on two cores, including broker and load generator, and their evaluation.

use catalog::ServiceName;
use serde::Serialize;

use crate::measure::measurement::Measurement;
use crate::measure::scenario::BenchScenario;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Stored orders for which the data size goal holds: at most the first before, and at least the second after.
const FEW_ORDERS: u64 = 11_000;
const MANY_ORDERS: u64 = 1_000_000;

/// Closed loops of which the faster one counts, because the number of clients is arbitrary.
const CLOSED: [BenchScenario; 2] = [BenchScenario::Maximum, BenchScenario::ManyClients];
const CLOSED_ON_POSTGRES: [BenchScenario; 2] = [BenchScenario::Postgres, BenchScenario::PostgresManyClients];

/// All goals. Those in percent compare two measurements of one run.
const GOALS: [Goal; 12] = [
    Goal::new("throughput, best closed loop", AtLeast(5_000.0), "sagas/s", |runs| {
        Some(best(runs, CLOSED)?.sagas_per_second())
    }),
    Goal::new("p50 at 20 orders/s", AtMost(5.0), "ms", |runs| {
        Some(one(runs, BenchScenario::LowRate)?.result.finished.p50_ms)
    }),
    Goal::new("p99 at 20 orders/s", AtMost(15.0), "ms", |runs| {
        Some(one(runs, BenchScenario::LowRate)?.result.finished.p99_ms)
    }),
    Goal::new("p99 at half the maximum", AtMost(100.0), "ms", |runs| {
        Some(one(runs, BenchScenario::HalfCapacity)?.result.finished.p99_ms)
    }),
    Goal::new("CPU of broker and services, best closed loop", AtMost(0.4), "ms/saga", cpu_ms),
    Goal::new("peak memory of a service, closed loop", AtMost(50.0), "MiB", peak_mebibytes),
    Goal::new("start to ready, slowest service", AtMost(1_000.0), "ms", ready_ms),
    Goal::new("throughput with 1,000,000 stored orders, relative to 10,000", AtLeast(90.0), "%", data_size_sensitivity),
    Goal::new("throughput of a hot SKU, relative to many SKUs", AtLeast(70.0), "%", |runs| {
        percent(throughput(runs, BenchScenario::HotKey)?, throughput(runs, BenchScenario::Maximum)?)
    }),
    Goal::new("throughput with tracing, relative to none", AtLeast(85.0), "%", |runs| {
        percent(throughput(runs, BenchScenario::Traced)?, throughput(runs, BenchScenario::Untraced)?)
    }),
    Goal::new("throughput on PostgreSQL, best closed loop", AtLeast(1_500.0), "sagas/s", |runs| {
        Some(best(runs, CLOSED_ON_POSTGRES)?.sagas_per_second())
    }),
    Goal::new("orders that did not become final", AtMost(0.0), "orders", unfinished),
];

/// A figure and its bound.
struct Goal {
    what: &'static str,
    bound: GoalBound,
    unit: &'static str,
    /// Returns `None` if the figure was not measured.
    measured: fn(&[Measurement]) -> Option<f64>,
}

use GoalBound::{AtLeast, AtMost};

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GoalBound {
    AtLeast(f64),
    AtMost(f64),
}

/// A goal with its evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct GoalResult {
    pub(crate) goal: &'static str,
    #[serde(flatten)]
    pub(crate) bound: GoalBound,
    pub(crate) unit: &'static str,
    /// `None` if it was not measured.
    pub(crate) measured: Option<f64>,
    pub(crate) is_met: Option<bool>,
}

/// Evaluates all goals.
pub(crate) fn evaluate(runs: &[Measurement]) -> Vec<GoalResult> {
    GOALS.iter().map(|goal| goal.evaluate(runs)).collect()
}

/// Throughput with tracing divided by throughput without. `None` if either was not measured.
pub(crate) fn tracing_ratio(runs: &[Measurement]) -> Option<f64> {
    Some(throughput(runs, BenchScenario::Traced)? / throughput(runs, BenchScenario::Untraced)?)
}

impl Goal {
    const fn new(
        what: &'static str,
        bound: GoalBound,
        unit: &'static str,
        measured: fn(&[Measurement]) -> Option<f64>,
    ) -> Self {
        Self { what, bound, unit, measured }
    }

    fn evaluate(&self, runs: &[Measurement]) -> GoalResult {
        let measured = (self.measured)(runs);
        let is_met = measured.map(|measured| match self.bound {
            AtLeast(least) => measured >= least,
            AtMost(most) => measured <= most,
        });
        GoalResult { goal: self.what, bound: self.bound, unit: self.unit, measured, is_met }
    }
}

fn of(runs: &[Measurement], scenario: BenchScenario) -> impl Iterator<Item = &Measurement> {
    runs.iter().filter(move |run| run.scenario == scenario)
}

fn one(runs: &[Measurement], scenario: BenchScenario) -> Option<&Measurement> {
    of(runs, scenario).next()
}

/// The measurement of one of these scenarios with the highest throughput.
fn best(runs: &[Measurement], purposes: [BenchScenario; 2]) -> Option<&Measurement> {
    let measured = runs.iter().filter(|run| purposes.contains(&run.scenario));
    measured.max_by(|a, b| a.sagas_per_second().total_cmp(&b.sagas_per_second()))
}

/// Throughput over all measurements of a scenario.
fn throughput(runs: &[Measurement], scenario: BenchScenario) -> Option<f64> {
    let seconds: f64 = of(runs, scenario).map(|run| run.result.elapsed.as_secs_f64()).sum();
    let sagas: f64 = of(runs, scenario).map(Measurement::sagas).sum();
    (seconds > 0.0 && sagas > 0.0).then(|| sagas / seconds)
}

/// Unknown if the broker's processor time is unknown.
fn cpu_ms(runs: &[Measurement]) -> Option<f64> {
    let run = best(runs, CLOSED)?;
    let processes = &run.cost.processes;
    processes.iter().find(|process| process.name == "broker")?;
    let suite = processes.iter().filter(|process| process.name != "bench");
    run.ms_per_saga(suite.map(|process| process.cpu_seconds).sum())
}

fn peak_mebibytes(runs: &[Measurement]) -> Option<f64> {
    let processes = one(runs, BenchScenario::Maximum)?.cost.processes.iter();
    let services = processes.filter(|process| ServiceName::find(process.name).is_some());
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    services.filter_map(|process| process.peak_memory_bytes).max().map(|bytes| bytes as f64 / MEBIBYTE)
}

/// Taken from the low-rate scenario, because in the first run a new broker must first create the topic of group
/// offsets.
fn ready_ms(runs: &[Measurement]) -> Option<f64> {
    let times = &one(runs, BenchScenario::LowRate)?.ready_after;
    times.values().map(|time| time.as_secs_f64() * 1000.0).max_by(f64::total_cmp)
}

/// Unknown for other numbers of stored orders than the goal is about.
fn data_size_sensitivity(runs: &[Measurement]) -> Option<f64> {
    let (few, many) = (one(runs, BenchScenario::FewOrders)?, one(runs, BenchScenario::ManyOrders)?);
    if few.orders_before > FEW_ORDERS || many.orders_before < MANY_ORDERS {
        return None;
    }
    percent(many.sagas_per_second(), few.sagas_per_second())
}

#[expect(clippy::cast_precision_loss, reason = "no more than can be sent")]
fn unfinished(runs: &[Measurement]) -> Option<f64> {
    let unfinished = runs.iter().map(|run| {
        let counts = &run.result.counts;
        counts.placed.saturating_sub(counts.finals()) + counts.given_up + counts.failed
    });
    (!runs.is_empty()).then(|| unfinished.sum::<u64>() as f64)
}

fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part * 100.0 / whole)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::run;

    use super::*;

    fn find<'a>(all: &'a [GoalResult], goal: &str) -> &'a GoalResult {
        all.iter().find(|result| result.goal.starts_with(goal)).unwrap()
    }

    fn of(scenario: BenchScenario, seconds: u64, orders_before: u64) -> Measurement {
        Measurement { scenario, orders_before, ..run(100, seconds, None) }
    }

    #[test]
    fn goal_is_open_when_not_measured() {
        let result = evaluate(&[]);
        assert!(result.iter().all(|result| result.measured.is_none() && result.is_met.is_none()), "{result:?}");
    }

    #[test]
    fn goal_is_met_at_its_bound() {
        let all = evaluate(&[
            of(BenchScenario::Maximum, 5, 0),
            of(BenchScenario::LowRate, 5, 0),
            of(BenchScenario::HotKey, 10, 0),
        ]);
        assert_eq!(find(&all, "throughput, best").is_met, Some(false));
        assert_eq!(find(&all, "throughput of a hot SKU").measured, Some(50.0));
        assert_eq!(find(&all, "p99 at 20").is_met, Some(true));
        assert_eq!(find(&all, "orders that did not").is_met, Some(true));
        assert_eq!(find(&all, "p99 at half").is_met, None);
    }

    #[test]
    fn best_closed_loop_counts() {
        let all = evaluate(&[
            of(BenchScenario::Maximum, 5, 0),
            of(BenchScenario::ManyClients, 2, 0),
            of(BenchScenario::HotKey, 1, 0),
        ]);
        assert_eq!(find(&all, "throughput, best").measured, Some(50.0));
        assert_eq!(find(&all, "throughput on PostgreSQL").measured, None);
        let all = evaluate(&[of(BenchScenario::Postgres, 5, 0), of(BenchScenario::PostgresManyClients, 10, 0)]);
        assert_eq!(find(&all, "throughput on PostgreSQL").measured, Some(20.0));
    }

    #[test]
    fn data_size_goal_needs_the_stated_order_counts() {
        let flat = |few, many| {
            let all = evaluate(&[of(BenchScenario::FewOrders, 9, few), of(BenchScenario::ManyOrders, 10, many)]);
            find(&all, "throughput with 1,000,000").is_met
        };
        assert_eq!(flat(10_000, 1_000_000), Some(true));
        assert_eq!(flat(10_000, 50_000), None);
        assert_eq!(flat(900_000, 1_000_000), None);
    }

    #[test]
    fn tracing_ratio_covers_all_runs() {
        let runs = [9, 20, 11, 20]
            .map(|seconds| of(if seconds == 20 { BenchScenario::Traced } else { BenchScenario::Untraced }, seconds, 0));
        let ratio = tracing_ratio(&runs).unwrap();
        assert!((ratio - 0.5).abs() < 1e-9, "{ratio}");
        assert_eq!(tracing_ratio(&runs[..1]), None);
    }
}
