//! All measurements behind the published figures, one after the other.

use anyhow::Result;
use xtask::{Postgres, postgres::Durability};

use crate::cli::{IN_FLIGHT, LoadgenArguments};
use crate::environment::span_sink::SpanSink;
use crate::load::plan::LoadPlan;
use crate::measure::case::{BenchCase, BenchContext};
use crate::measure::measurement::Measurement;
use crate::measure::results::BenchResults;
use crate::measure::run::run;
use crate::measure::scenario::BenchScenario;

/// Sagas in flight where tracing and many stored orders are measured.
const MANY_IN_FLIGHT: u16 = 512;

/// Sagas in flight on PostgreSQL.
const IN_FLIGHT_ON_POSTGRES: [u16; 2] = [48, 512];

/// Orders per second of the open loops: few enough that no order waits for another, and a moderate load.
const RATES: [f64; 2] = [20.0, 200.0];

/// Takes all measurements, each with its own services. The results include failures.
///
/// # Errors
/// The arguments are invalid.
pub(crate) fn measure_all(context: &BenchContext<'_>, arguments: &LoadgenArguments) -> Result<BenchResults> {
    let mut results = BenchResults::default();
    let closed = IN_FLIGHT.into_iter().map(|in_flight| arguments.in_flight(in_flight));
    let open = RATES.into_iter().map(|rate| arguments.at_rate(rate));
    for plan in closed.chain(open) {
        let plan = plan?;
        results.add(&plan.load.title(), run(context, &BenchCase::of(BenchScenario::Plain, plan.clone(), 0)));
    }
    let many = arguments.in_flight(MANY_IN_FLIGHT)?;
    results.add("cost of tracing", tracing(context, &many, 0, None));
    results.add("many stored orders", data_sizes(context, &many, arguments.flat_orders));
    on_postgres(context, arguments, &mut results)?;
    Ok(results)
}

/// Measures without and with tracing, twice in turn, so that a drift in the machine's speed does not decide the
/// comparison.
///
/// # Errors
/// A measurement fails.
pub(crate) fn tracing(
    context: &BenchContext<'_>,
    plan: &LoadPlan,
    preload: u64,
    postgres: Option<&Postgres>,
) -> Result<Vec<Measurement>> {
    let sink = SpanSink::start(context.runtime)?;
    let mut runs = Vec::new();
    for (scenario, sink) in [(BenchScenario::Untraced, None), (BenchScenario::Traced, Some(&sink))].repeat(2) {
        let case = BenchCase::of(scenario, plan.clone(), preload).on(postgres).traced(sink);
        runs.extend(run(context, &case)?);
    }
    Ok(runs)
}

/// Measures the same running services with few and with many stored orders, so that nothing else differs.
fn data_sizes(context: &BenchContext<'_>, plan: &LoadPlan, many: u64) -> Result<Vec<Measurement>> {
    let steps = vec![(BenchScenario::FewOrders, 0), (BenchScenario::ManyOrders, many)];
    run(context, &BenchCase { steps, ..BenchCase::of(BenchScenario::FewOrders, plan.clone(), 0) })
}

/// Measures on PostgreSQL. A machine without PostgreSQL is not a failure.
///
/// # Errors
/// The arguments are invalid.
fn on_postgres(context: &BenchContext<'_>, arguments: &LoadgenArguments, results: &mut BenchResults) -> Result<()> {
    match Postgres::obtain(context.workspace, Durability::Full, context.progress) {
        Ok(server) => {
            for in_flight in IN_FLIGHT_ON_POSTGRES {
                let plan = arguments.in_flight(in_flight)?;
                let case = BenchCase::of(BenchScenario::Postgres, plan, 0).on(Some(&server));
                results.add(&format!("{in_flight} in flight on PostgreSQL"), run(context, &case));
            }
        }
        Err(error) => results.missing.push(format!("PostgreSQL: not available on this machine: {error:#}")),
    }
    Ok(())
}
