//! Selection and comparison of the measurements of one run.

use crate::load::plan::{ClosedLoop, Load};
use crate::measure::measurement::Measurement;
use crate::measure::scenario::BenchScenario;

/// Stored orders for which the data size goal holds: at most the first before, and at least the second after.
const FEW_ORDERS: u64 = 100_000;
const MANY_ORDERS: u64 = 1_000_000;

/// The measurement on SQLite with this many sagas in flight.
pub(super) fn in_flight(runs: &[Measurement], in_flight: u16) -> Option<&Measurement> {
    of(runs, BenchScenario::Plain).find(|run| is_in_flight(run, in_flight))
}

/// The measurement on PostgreSQL with this many sagas in flight.
pub(super) fn on_postgres(runs: &[Measurement], in_flight: u16) -> Option<&Measurement> {
    of(runs, BenchScenario::Postgres).find(|run| is_in_flight(run, in_flight))
}

/// The measurement on SQLite at this rate.
pub(super) fn at_rate(runs: &[Measurement], rate: f64) -> Option<&Measurement> {
    let is_same = |run: &&Measurement| matches!(&run.load, Load::Open(open) if (open.rate() - rate).abs() < 1e-9);
    of(runs, BenchScenario::Plain).find(is_same)
}

/// Throughput with tracing divided by throughput without. Returns `None` if either was not measured.
pub(super) fn tracing_ratio(runs: &[Measurement]) -> Option<f64> {
    Some(throughput(runs, BenchScenario::Traced)? / throughput(runs, BenchScenario::Untraced)?)
}

/// Processor time that tracing adds to a saga, in milliseconds. Returns `None` if it was not measured.
pub(super) fn tracing_cpu_ms(runs: &[Measurement]) -> Option<f64> {
    Some(cpu_ms(runs, BenchScenario::Traced)? - cpu_ms(runs, BenchScenario::Untraced)?)
}

/// Throughput with many stored orders divided by throughput with none. Returns `None` for other numbers of orders than
/// the goal is about.
pub(super) fn data_size_ratio(runs: &[Measurement]) -> Option<f64> {
    let few = of(runs, BenchScenario::FewOrders).next()?;
    let many = of(runs, BenchScenario::ManyOrders).next()?;
    let (before, after) = (few.sagas_per_second(), many.sagas_per_second());
    let is_stated = few.orders_before <= FEW_ORDERS && many.orders_before >= MANY_ORDERS && before > 0.0;
    is_stated.then(|| after / before)
}

fn is_in_flight(run: &Measurement, number: u16) -> bool {
    matches!(run.load, Load::Closed(ClosedLoop { in_flight, .. }) if in_flight == number)
}

fn of(runs: &[Measurement], scenario: BenchScenario) -> impl Iterator<Item = &Measurement> {
    runs.iter().filter(move |run| run.scenario == scenario)
}

/// Throughput over all measurements of a scenario.
fn throughput(runs: &[Measurement], scenario: BenchScenario) -> Option<f64> {
    let seconds: f64 = of(runs, scenario).map(|run| run.result.elapsed.as_secs_f64()).sum();
    let sagas: f64 = of(runs, scenario).map(Measurement::sagas).sum();
    (seconds > 0.0 && sagas > 0.0).then(|| sagas / seconds)
}

/// Processor time per saga over all measurements of a scenario.
fn cpu_ms(runs: &[Measurement], scenario: BenchScenario) -> Option<f64> {
    let seconds: f64 = of(runs, scenario).map(|run| run.cost.suite_cpu_seconds()).sum::<Option<f64>>()?;
    let sagas: f64 = of(runs, scenario).map(Measurement::sagas).sum();
    (sagas > 0.0).then(|| seconds * 1000.0 / sagas)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{in_flight, process};
    use super::*;
    use crate::resources::cost::BROKER;

    fn measured(scenario: BenchScenario, seconds: u64, orders_before: u64) -> Measurement {
        Measurement { scenario, orders_before, ..in_flight(512, seconds) }
    }

    #[test]
    fn data_size_ratio_needs_the_stated_order_counts() {
        let ratio = |few, many| {
            let few = measured(BenchScenario::FewOrders, 8, few);
            data_size_ratio(&[few, measured(BenchScenario::ManyOrders, 10, many)])
        };
        assert_eq!(ratio(10_000, 1_000_000), Some(0.8));
        assert_eq!(ratio(10_000, 50_000), None);
        assert_eq!(ratio(900_000, 1_000_000), None);
    }

    #[test]
    fn tracing_is_compared_over_all_runs() {
        let runs = [9, 20, 11, 20].map(|seconds| {
            let is_traced = seconds == 20;
            let scenario = if is_traced { BenchScenario::Traced } else { BenchScenario::Untraced };
            let mut run = measured(scenario, seconds, 0);
            run.cost.processes = vec![process(BROKER, if is_traced { 0.05 } else { 0.03 })];
            run
        });
        let near = |value: Option<f64>, expected: f64| (value.unwrap() - expected).abs() < 1e-9;
        assert!(near(tracing_ratio(&runs), 0.5) && near(tracing_cpu_ms(&runs), 0.2));
        assert_eq!((tracing_ratio(&runs[..1]), tracing_cpu_ms(&runs[..1])), (None, None));
    }
}
