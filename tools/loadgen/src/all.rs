//! Everything that the README claims, one measurement after the other.

use anyhow::{Context, Result};
use xtask::{Postgres, postgres::Durability};

use crate::arguments::Arguments;
use crate::measure::{Bench, Case, Measurement};
use crate::plan::Plan;
use crate::purpose::Purpose;
use crate::sink::Sink;

/// Clients of the closed loop with large batches.
const MANY_CLIENTS: u16 = 512;

/// Orders in a second of the open loop in which none waits for another.
const CALM: f64 = 20.0;

/// What came of several measurements.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) runs: Vec<Measurement>,
    /// What was not measured, and why.
    pub(crate) missing: Vec<String>,
    /// Something of it should have been measured.
    pub(crate) has_failed: bool,
}

impl Findings {
    /// What was measured, or that it failed; then the others are measured all the same.
    fn add(&mut self, what: &str, runs: Result<Vec<Measurement>>) {
        match runs {
            Ok(runs) => self.runs.extend(runs),
            Err(error) => {
                self.missing.push(format!("{what}: {error:#}"));
                self.has_failed = true;
            }
        }
    }

    fn sagas_per_second(&self, purpose: Purpose) -> Option<f64> {
        self.runs.iter().find(|run| run.purpose == purpose).map(Measurement::sagas_per_second)
    }
}

/// Measures it all, each with services of its own. What fails is told with the rest.
///
/// # Errors
/// The arguments make no sense.
pub(crate) fn measure(bench: &Bench<'_>, arguments: &Arguments) -> Result<Findings> {
    let plan = arguments.plan()?;
    let calm = Plan { load: arguments.open(CALM)?, ..plan.clone() };
    let mut found = Findings::default();
    found.add("the closed loop", bench.run(&Case::of(Purpose::Maximum, plan.clone(), 0).with_limit()));
    let many = plan.clone().with_clients(MANY_CLIENTS);
    found.add("the closed loop with many clients", bench.run(&Case::of(Purpose::ManyClients, many, 0)));
    let hot = Plan { products: 1, ..plan.clone() };
    found.add("the closed loop with one product", bench.run(&Case::of(Purpose::Hot, hot, 0)));
    found.add("the calm open loop", bench.run(&Case::of(Purpose::Calm, calm, 0)));
    let half = half(bench, arguments, &plan, found.sagas_per_second(Purpose::Maximum));
    found.add("the open loop at half of the maximum", half);
    found.add("what tracing costs", tracing(bench, &plan, 0, None));
    let (few, many) = (arguments.preload(), arguments.flat_orders);
    found.add("many orders in the databases", flatness(bench, &plan, few, many));
    on_postgres(bench, plan, &mut found);
    Ok(found)
}

/// Without and with tracing, twice, so that a machine that grows slower or faster meanwhile does not decide.
///
/// # Errors
/// As for each of the measurements.
pub(crate) fn tracing(
    bench: &Bench<'_>,
    plan: &Plan,
    preload: u64,
    postgres: Option<&Postgres>,
) -> Result<Vec<Measurement>> {
    let sink = Sink::start(bench.runtime)?;
    let mut runs = Vec::new();
    for (purpose, sink) in [(Purpose::Untraced, None), (Purpose::Traced, Some(&sink))].repeat(2) {
        let case = Case::of(purpose, plan.clone(), preload).on(postgres).traced(sink);
        runs.extend(Bench::run(bench, &case)?);
    }
    Ok(runs)
}

fn half(bench: &Bench<'_>, arguments: &Arguments, plan: &Plan, maximum: Option<f64>) -> Result<Vec<Measurement>> {
    let rate = (maximum.context("the maximum is not known")? / 2.0).round();
    bench.run(&Case::of(Purpose::Half, Plan { load: arguments.open(rate)?, ..plan.clone() }, 0))
}

/// The same services with few and with many orders, so that nothing else differs.
fn flatness(bench: &Bench<'_>, plan: &Plan, few: u64, many: u64) -> Result<Vec<Measurement>> {
    let steps = vec![(Purpose::FewOrders, few), (Purpose::ManyOrders, many)];
    bench.run(&Case { steps, ..Case::of(Purpose::FewOrders, plan.clone(), few) })
}

/// A machine without PostgreSQL is no failure.
fn on_postgres(bench: &Bench<'_>, plan: Plan, found: &mut Findings) {
    match Postgres::obtain(bench.workspace, Durability::Full, bench.progress) {
        Ok(server) => {
            let many = plan.clone().with_clients(MANY_CLIENTS);
            let mut add = |what, case: Case<'_>| found.add(what, Bench::run(bench, &case.on(Some(&server))));
            add("the closed loop on PostgreSQL", Case::of(Purpose::Postgres, plan, 0));
            let what = "the closed loop with many clients on PostgreSQL";
            add(what, Case::of(Purpose::PostgresManyClients, many, 0));
        }
        Err(error) => found.missing.push(format!("PostgreSQL, for none could be had here: {error:#}")),
    }
}
