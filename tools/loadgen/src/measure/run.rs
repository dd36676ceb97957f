//! Runs the measurements of a case.

use anyhow::Result;

use super::case::{BenchCase, BenchContext};
use super::measurement::Measurement;
use super::session::BenchSession;

/// Measures all steps of a case.
///
/// # Errors
/// A process cannot be started or ends early. An order that does not become final is a result, not an error.
pub(crate) fn run<'a>(context: &BenchContext<'a>, case: &BenchCase<'a>) -> Result<Vec<Measurement>> {
    let mut session = BenchSession::open(context, case)?;
    session.warm_up()?;
    let mut runs = Vec::with_capacity(case.steps.len());
    for &(scenario, orders) in &case.steps {
        session.preload(orders)?;
        runs.push(session.measure(scenario)?);
    }
    session.close(runs)
}
