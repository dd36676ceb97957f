//! Performance goals on two cores, including broker and load generator, and their evaluation.

use serde::Serialize;

use super::selection::{self, at_rate, in_flight, on_postgres};
use crate::measure::measurement::Measurement;

const KILOBYTE: f64 = 1_000.0;
const MEGABYTE: f64 = 1_000_000.0;

/// All goals. Those in percent compare measurements of one run.
const GOALS: [Goal; 20] = [
    Goal::new("48 in flight: throughput", AtLeast(1_500.0), "sagas/s", |runs| throughput(in_flight(runs, 48))),
    Goal::new("48 in flight: p50", AtMost(32.0), "ms", |runs| Some(in_flight(runs, 48)?.result.finished.p50_ms)),
    Goal::new("512 in flight: throughput", AtLeast(4_000.0), "sagas/s", |runs| throughput(in_flight(runs, 512))),
    Goal::new("5,000 in flight: throughput", AtLeast(4_300.0), "sagas/s", |runs| throughput(in_flight(runs, 5_000))),
    Goal::new("5,000 in flight: CPU", AtMost(0.4), "ms/saga", |runs| in_flight(runs, 5_000)?.suite_cpu_ms()),
    Goal {
        floor: Some(|runs| Some(at_rate(runs, 20.0)?.floors?.chain.p50_ms)),
        ..Goal::new("20 orders/s: p50", TimesFloor(2.0), "ms", |runs| Some(at_rate(runs, 20.0)?.result.finished.p50_ms))
    },
    Goal::new("20 orders/s: p99", AtMost(15.0), "ms", |runs| Some(at_rate(runs, 20.0)?.result.finished.p99_ms)),
    Goal::new("200 orders/s: written to the disk", AtMost(110.0), "KB/saga", |runs| written(at_rate(runs, 200.0))),
    Goal::new("512 in flight: written to the disk", AtMost(40.0), "KB/saga", |runs| written(in_flight(runs, 512))),
    Goal::new("512 in flight: throughput with tracing, relative to none", AtLeast(85.0), "%", |runs| {
        Some(selection::tracing_ratio(runs)? * 100.0)
    }),
    Goal::new("512 in flight: CPU of tracing", AtMost(0.1), "ms/saga", selection::tracing_cpu_ms),
    Goal::new("PostgreSQL, 48 in flight: throughput", AtLeast(900.0), "sagas/s", |runs| {
        throughput(on_postgres(runs, 48))
    }),
    Goal::new("PostgreSQL, 512 in flight: throughput", AtLeast(2_300.0), "sagas/s", |runs| {
        throughput(on_postgres(runs, 512))
    }),
    Goal::new("PostgreSQL, 48 in flight: CPU", AtMost(2.0), "ms/saga", |runs| on_postgres(runs, 48)?.suite_cpu_ms()),
    Goal::new("PostgreSQL, 512 in flight: CPU", AtMost(0.8), "ms/saga", |runs| on_postgres(runs, 512)?.suite_cpu_ms()),
    Goal::new("48 in flight: memory of the services", AtMost(80.0), "MB", |runs| memory(in_flight(runs, 48))),
    Goal::new("512 in flight: memory of the services", AtMost(110.0), "MB", |runs| memory(in_flight(runs, 512))),
    Goal::new("throughput with 1,000,000 stored orders, relative to none", AtLeast(95.0), "%", |runs| {
        Some(selection::data_size_ratio(runs)? * 100.0)
    }),
    Goal::new("orders that did not become final", AtMost(0.0), "orders", |runs| unfinished(runs, false)),
    Goal::new("orders that were not accepted", AtMost(0.0), "orders", |runs| unfinished(runs, true)),
];

/// A figure and its bound.
struct Goal {
    what: &'static str,
    bound: GoalBound,
    unit: &'static str,
    /// Returns `None` if the figure was not measured.
    measured: Figure,
    /// Lower bound of the figure on this machine, measured in the same run.
    floor: Option<Figure>,
}

type Figure = fn(&[Measurement]) -> Option<f64>;

use GoalBound::{AtLeast, AtMost, TimesFloor};

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GoalBound {
    AtLeast(f64),
    AtMost(f64),
    /// At most this many times the floor.
    TimesFloor(f64),
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
    /// `None` if the goal has no floor or it was not measured.
    pub(crate) floor: Option<f64>,
    pub(crate) is_met: Option<bool>,
}

/// Evaluates all goals.
pub(crate) fn evaluate(runs: &[Measurement]) -> Vec<GoalResult> {
    GOALS.iter().map(|goal| goal.evaluate(runs)).collect()
}

impl Goal {
    const fn new(what: &'static str, bound: GoalBound, unit: &'static str, measured: Figure) -> Self {
        Self { what, bound, unit, measured, floor: None }
    }

    fn evaluate(&self, runs: &[Measurement]) -> GoalResult {
        let measured = (self.measured)(runs);
        let floor = self.floor.and_then(|floor| floor(runs));
        let is_met = measured.and_then(|measured| match self.bound {
            AtLeast(least) => Some(measured >= least),
            AtMost(most) => Some(measured <= most),
            TimesFloor(times) => Some(measured <= times * floor?),
        });
        GoalResult { goal: self.what, bound: self.bound, unit: self.unit, measured, floor, is_met }
    }
}

fn throughput(run: Option<&Measurement>) -> Option<f64> {
    run.map(Measurement::sagas_per_second)
}

fn written(run: Option<&Measurement>) -> Option<f64> {
    run.map(|run| run.written_bytes_per_saga() / KILOBYTE)
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn memory(run: Option<&Measurement>) -> Option<f64> {
    run.map(|run| run.cost.memory_of_services.peak_bytes as f64 / MEGABYTE)
}

#[expect(clippy::cast_precision_loss, reason = "no more than can be sent")]
fn unfinished(runs: &[Measurement], before_acceptance: bool) -> Option<f64> {
    let unfinished = runs.iter().map(|run| {
        let counts = &run.result.counts;
        if before_acceptance { counts.given_up + counts.failed } else { counts.placed.saturating_sub(counts.finals()) }
    });
    (!runs.is_empty()).then(|| unfinished.sum::<u64>() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, process, run};

    use super::*;
    use crate::floor::Floors;
    use crate::measure::scenario::BenchScenario;
    use crate::resources::cost::BROKER;
    use crate::results::latency::Percentiles;

    fn find<'a>(all: &'a [GoalResult], goal: &str) -> &'a GoalResult {
        all.iter().find(|result| result.goal.starts_with(goal)).unwrap()
    }

    #[test]
    fn goal_is_open_when_not_measured() {
        let result = evaluate(&[]);
        assert!(result.iter().all(|result| result.measured.is_none() && result.is_met.is_none()), "{result:?}");
    }

    #[test]
    fn goal_is_met_at_its_bound() {
        let mut busy = fixtures::in_flight(5_000, 1);
        busy.cost.processes = vec![process(BROKER, 0.015), process("order", 0.025), process("bench", 9.0)];
        let mut late = fixtures::in_flight(48, 1);
        late.result.counts.placed = 107;
        let all = evaluate(&[busy, late]);
        assert_eq!(find(&all, "5,000 in flight: CPU").is_met, Some(true));
        assert_eq!(find(&all, "5,000 in flight: throughput").measured, Some(100.0));
        assert_eq!(find(&all, "48 in flight: throughput").is_met, Some(false));
        assert_eq!(find(&all, "48 in flight: memory").measured, Some(25.0));
        assert_eq!(find(&all, "orders that did not").measured, Some(7.0));
        assert_eq!(find(&all, "512 in flight: throughput").is_met, None);
    }

    #[test]
    fn goal_follows_the_measured_floor() {
        let p50 = |floor: Option<f64>| {
            let slow = run(100, 5, None);
            let percentiles = |p50_ms| Percentiles { p50_ms, ..slow.result.finished };
            let floors = floor.map(|p50_ms| Floors {
                commit: percentiles(0.4),
                hop: percentiles(0.7),
                chain: percentiles(p50_ms),
            });
            find(&evaluate(&[Measurement { floors, ..slow }]), "20 orders/s: p50").clone()
        };
        assert_eq!((p50(Some(6.5)).is_met, p50(Some(5.0)).is_met, p50(None).is_met), (Some(true), Some(false), None));
        assert_eq!(p50(Some(6.5)).floor, Some(6.5));
    }

    #[test]
    fn goals_of_postgres_need_postgres() {
        let run = Measurement { scenario: BenchScenario::Postgres, ..fixtures::in_flight(48, 1) };
        let all = evaluate(&[run]);
        assert_eq!(find(&all, "PostgreSQL, 48 in flight: throughput").measured, Some(100.0));
        assert_eq!(find(&all, "48 in flight: throughput").measured, None);
    }
}
