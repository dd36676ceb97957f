//! What the suite is to reach on two cores, broker and load generator included, and whether it did.

use serde::Serialize;
use xtask::ServiceName;

use crate::measure::Measurement;
use crate::purpose::Purpose;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// The orders in the databases that flatness is promised for: at most as many before, and at least as many after.
const FEW_ORDERS: u64 = 11_000;
const MANY_ORDERS: u64 = 1_000_000;

/// The closed loops of which the better one counts: what a client waits for is a matter of its own.
const CLOSED: [Purpose; 2] = [Purpose::Maximum, Purpose::ManyClients];
const CLOSED_ON_POSTGRES: [Purpose; 2] = [Purpose::Postgres, Purpose::PostgresManyClients];

/// All goals; those in percent compare two measurements of one run.
const GOALS: [Goal; 12] = [
    Goal::new("throughput, the better closed loop", AtLeast(5_000.0), "sagas/s", |runs| {
        Some(best(runs, CLOSED)?.sagas_per_second())
    }),
    Goal::new("p50 at 20 orders/s", AtMost(5.0), "ms", |runs| Some(one(runs, Purpose::Calm)?.outcomes.finished.p50_ms)),
    Goal::new("p99 at 20 orders/s", AtMost(15.0), "ms", |runs| {
        Some(one(runs, Purpose::Calm)?.outcomes.finished.p99_ms)
    }),
    Goal::new("p99 at half the maximum", AtMost(100.0), "ms", |runs| {
        Some(one(runs, Purpose::Half)?.outcomes.finished.p99_ms)
    }),
    Goal::new("CPU of broker and services, in the same", AtMost(0.4), "ms/saga", cpu_ms),
    Goal::new("peak memory of a service, closed loop", AtMost(50.0), "MiB", peak_mebibytes),
    Goal::new("start to ready, the slowest service", AtMost(1_000.0), "ms", ready_ms),
    Goal::new("throughput with 1,000,000 orders stored, of that with 10,000", AtLeast(90.0), "%", flatness),
    Goal::new("throughput of a hot SKU, of that of many", AtLeast(70.0), "%", |runs| {
        percent(throughput(runs, Purpose::Hot)?, throughput(runs, Purpose::Maximum)?)
    }),
    Goal::new("throughput with tracing, of that without", AtLeast(85.0), "%", |runs| {
        percent(throughput(runs, Purpose::Traced)?, throughput(runs, Purpose::Untraced)?)
    }),
    Goal::new("throughput on PostgreSQL, the better closed loop", AtLeast(1_500.0), "sagas/s", |runs| {
        Some(best(runs, CLOSED_ON_POSTGRES)?.sagas_per_second())
    }),
    Goal::new("orders that did not become final", AtMost(0.0), "orders", unfinished),
];

/// A figure and its bound.
struct Goal {
    what: &'static str,
    bound: Bound,
    unit: &'static str,
    /// None if it was not measured.
    measured: fn(&[Measurement]) -> Option<f64>,
}

use Bound::{AtLeast, AtMost};

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A goal, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Judged {
    pub(crate) goal: &'static str,
    #[serde(flatten)]
    pub(crate) bound: Bound,
    pub(crate) unit: &'static str,
    /// None if it was not measured.
    pub(crate) measured: Option<f64>,
    pub(crate) is_met: Option<bool>,
}

/// Compares what was measured with all goals.
pub(crate) fn judge(runs: &[Measurement]) -> Vec<Judged> {
    GOALS.iter().map(|goal| goal.judge(runs)).collect()
}

/// Throughput with tracing as a part of that without; none if either was not measured.
pub(crate) fn tracing_ratio(runs: &[Measurement]) -> Option<f64> {
    Some(throughput(runs, Purpose::Traced)? / throughput(runs, Purpose::Untraced)?)
}

impl Goal {
    const fn new(
        what: &'static str,
        bound: Bound,
        unit: &'static str,
        measured: fn(&[Measurement]) -> Option<f64>,
    ) -> Self {
        Self { what, bound, unit, measured }
    }

    fn judge(&self, runs: &[Measurement]) -> Judged {
        let measured = (self.measured)(runs);
        let is_met = measured.map(|measured| match self.bound {
            AtLeast(least) => measured >= least,
            AtMost(most) => measured <= most,
        });
        Judged { goal: self.what, bound: self.bound, unit: self.unit, measured, is_met }
    }
}

fn of(runs: &[Measurement], purpose: Purpose) -> impl Iterator<Item = &Measurement> {
    runs.iter().filter(move |run| run.purpose == purpose)
}

fn one(runs: &[Measurement], purpose: Purpose) -> Option<&Measurement> {
    of(runs, purpose).next()
}

/// The measurement for one of these purposes with the most sagas a second.
fn best(runs: &[Measurement], purposes: [Purpose; 2]) -> Option<&Measurement> {
    let measured = runs.iter().filter(|run| purposes.contains(&run.purpose));
    measured.max_by(|a, b| a.sagas_per_second().total_cmp(&b.sagas_per_second()))
}

/// Of all measurements for this purpose together.
fn throughput(runs: &[Measurement], purpose: Purpose) -> Option<f64> {
    let seconds: f64 = of(runs, purpose).map(|run| run.outcomes.elapsed.as_secs_f64()).sum();
    let sagas: f64 = of(runs, purpose).map(Measurement::sagas).sum();
    (seconds > 0.0 && sagas > 0.0).then(|| sagas / seconds)
}

/// Not known without the broker's.
fn cpu_ms(runs: &[Measurement]) -> Option<f64> {
    let run = best(runs, CLOSED)?;
    let processes = &run.cost.processes;
    processes.iter().find(|process| process.name == "broker")?;
    let suite = processes.iter().filter(|process| process.name != "bench");
    run.ms_per_saga(suite.map(|process| process.cpu_seconds).sum())
}

fn peak_mebibytes(runs: &[Measurement]) -> Option<f64> {
    let processes = one(runs, Purpose::Maximum)?.cost.processes.iter();
    let services = processes.filter(|process| ServiceName::all().any(|service| service.name() == process.name));
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    services.filter_map(|process| process.peak_memory_bytes).max().map(|bytes| bytes as f64 / MEBIBYTE)
}

/// Not of the first run: it meets a broker that never had a group, and waits for it to make the topic of the groups' offsets.
fn ready_ms(runs: &[Measurement]) -> Option<f64> {
    let times = &one(runs, Purpose::Calm)?.ready_after;
    times.iter().map(|(_, time)| time.as_secs_f64() * 1000.0).max_by(f64::total_cmp)
}

/// Not known with other numbers of orders than it is promised for.
fn flatness(runs: &[Measurement]) -> Option<f64> {
    let (few, many) = (one(runs, Purpose::FewOrders)?, one(runs, Purpose::ManyOrders)?);
    if few.orders_before > FEW_ORDERS || many.orders_before < MANY_ORDERS {
        return None;
    }
    percent(many.sagas_per_second(), few.sagas_per_second())
}

#[expect(clippy::cast_precision_loss, reason = "no more than can be sent")]
fn unfinished(runs: &[Measurement]) -> Option<f64> {
    let unfinished = runs.iter().map(|run| {
        let tally = &run.outcomes.tally;
        tally.placed.saturating_sub(tally.finals()) + tally.given_up + tally.failed
    });
    (!runs.is_empty()).then(|| unfinished.sum::<u64>() as f64)
}

fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part * 100.0 / whole)
}

#[cfg(test)]
mod tests {
    use crate::report::tests::run;

    use super::*;

    fn judged<'a>(all: &'a [Judged], goal: &str) -> &'a Judged {
        all.iter().find(|judged| judged.goal.starts_with(goal)).unwrap()
    }

    fn of(purpose: Purpose, seconds: u64, orders_before: u64) -> Measurement {
        Measurement { purpose, orders_before, ..run(100, seconds, None) }
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let judged = judge(&[]);
        assert!(judged.iter().all(|judged| judged.measured.is_none() && judged.is_met.is_none()), "{judged:?}");
    }

    #[test]
    fn a_goal_is_met_at_its_bound() {
        let all = judge(&[of(Purpose::Maximum, 5, 0), of(Purpose::Calm, 5, 0), of(Purpose::Hot, 10, 0)]);
        assert_eq!(judged(&all, "throughput, the better").is_met, Some(false));
        assert_eq!(judged(&all, "throughput of a hot SKU").measured, Some(50.0));
        assert_eq!(judged(&all, "p99 at 20").is_met, Some(true));
        assert_eq!(judged(&all, "orders that did not").is_met, Some(true));
        assert_eq!(judged(&all, "p99 at half").is_met, None);
    }

    #[test]
    fn the_better_closed_loop_counts() {
        let all = judge(&[of(Purpose::Maximum, 5, 0), of(Purpose::ManyClients, 2, 0), of(Purpose::Hot, 1, 0)]);
        assert_eq!(judged(&all, "throughput, the better").measured, Some(50.0));
        assert_eq!(judged(&all, "throughput on PostgreSQL").measured, None);
        let all = judge(&[of(Purpose::Postgres, 5, 0), of(Purpose::PostgresManyClients, 10, 0)]);
        assert_eq!(judged(&all, "throughput on PostgreSQL").measured, Some(20.0));
    }

    #[test]
    fn flatness_is_that_of_the_numbers_it_is_promised_for() {
        let flat = |few, many| {
            let all = judge(&[of(Purpose::FewOrders, 9, few), of(Purpose::ManyOrders, 10, many)]);
            judged(&all, "throughput with 1,000,000").is_met
        };
        assert_eq!(flat(10_000, 1_000_000), Some(true));
        assert_eq!(flat(10_000, 50_000), None);
        assert_eq!(flat(900_000, 1_000_000), None);
    }

    #[test]
    fn the_tracing_ratio_is_that_of_all_runs_with_and_all_without() {
        let runs = [9, 20, 11, 20]
            .map(|seconds| of(if seconds == 20 { Purpose::Traced } else { Purpose::Untraced }, seconds, 0));
        let ratio = tracing_ratio(&runs).unwrap();
        assert!((ratio - 0.5).abs() < 1e-9, "{ratio}");
        assert_eq!(tracing_ratio(&runs[..1]), None);
    }
}
