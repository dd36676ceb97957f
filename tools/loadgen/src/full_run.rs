//! All measurements behind the published figures, one after the other.

use anyhow::{Context, Result};
use xtask::{Postgres, postgres::Durability};

use crate::cli::LoadgenArguments;
use crate::environment::span_sink::SpanSink;
use crate::load::plan::LoadPlan;
use crate::measure::case::{BenchCase, BenchContext};
use crate::measure::measurement::Measurement;
use crate::measure::results::BenchResults;
use crate::measure::run::run;
use crate::measure::scenario::BenchScenario;

/// Clients of the closed loop with large batches.
const MANY_CLIENTS: u16 = 512;

/// Orders per second of the open loop in which no order waits for another.
const LOW_RATE: f64 = 20.0;

/// Takes all measurements, each with its own services. The results include failures.
///
/// # Errors
/// The arguments are invalid.
pub(crate) fn measure_all(context: &BenchContext<'_>, arguments: &LoadgenArguments) -> Result<BenchResults> {
    let plan = arguments.plan()?;
    let low_rate = LoadPlan { load: arguments.open(LOW_RATE)?, ..plan.clone() };
    let mut results = BenchResults::default();
    let maximum = BenchCase::of(BenchScenario::Maximum, plan.clone(), 0).with_limit();
    results.add("closed loop", run(context, &maximum));
    let many = plan.clone().with_clients(MANY_CLIENTS);
    results.add("closed loop with many clients", run(context, &BenchCase::of(BenchScenario::ManyClients, many, 0)));
    let hot = LoadPlan { products: 1, ..plan.clone() };
    results.add("closed loop with one product", run(context, &BenchCase::of(BenchScenario::HotKey, hot, 0)));
    results.add("open loop at a low rate", run(context, &BenchCase::of(BenchScenario::LowRate, low_rate, 0)));
    let half = half_capacity(context, arguments, &plan, results.sagas_per_second(BenchScenario::Maximum));
    results.add("open loop at half the maximum", half);
    results.add("cost of tracing", tracing(context, &plan, 0, None));
    let (few, many) = (arguments.preload(), arguments.flat_orders);
    results.add("many stored orders", data_sizes(context, &plan, few, many));
    on_postgres(context, plan, &mut results);
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

fn half_capacity(
    context: &BenchContext<'_>,
    arguments: &LoadgenArguments,
    plan: &LoadPlan,
    maximum: Option<f64>,
) -> Result<Vec<Measurement>> {
    let rate = (maximum.context("the maximum is unknown")? / 2.0).round();
    let plan = LoadPlan { load: arguments.open(rate)?, ..plan.clone() };
    run(context, &BenchCase::of(BenchScenario::HalfCapacity, plan, 0))
}

/// Measures the same running services with few and with many stored orders, so that nothing else differs.
fn data_sizes(context: &BenchContext<'_>, plan: &LoadPlan, few: u64, many: u64) -> Result<Vec<Measurement>> {
    let steps = vec![(BenchScenario::FewOrders, few), (BenchScenario::ManyOrders, many)];
    run(context, &BenchCase { steps, ..BenchCase::of(BenchScenario::FewOrders, plan.clone(), few) })
}

/// Measures on PostgreSQL. A machine without PostgreSQL is not a failure.
fn on_postgres(context: &BenchContext<'_>, plan: LoadPlan, results: &mut BenchResults) {
    match Postgres::obtain(context.workspace, Durability::Full, context.progress) {
        Ok(server) => {
            let many = plan.clone().with_clients(MANY_CLIENTS);
            let mut add = |what, case: BenchCase<'_>| results.add(what, run(context, &case.on(Some(&server))));
            add("closed loop on PostgreSQL", BenchCase::of(BenchScenario::Postgres, plan, 0));
            let what = "closed loop with many clients on PostgreSQL";
            add(what, BenchCase::of(BenchScenario::PostgresManyClients, many, 0));
        }
        Err(error) => results.missing.push(format!("PostgreSQL: not available on this machine: {error:#}")),
    }
}
