//! One measurement, from starting the services to their end.

use std::time::Duration;

use anyhow::Result;
use tokio::runtime::Runtime;
use xtask::{Broker, PerService, Postgres, Progress, Workspace};

use crate::cost::Cost;
use crate::journal::Hop;
use crate::ledger::Outcomes;
use crate::limit::Limit;
use crate::plan::{Load, Plan};
use crate::purpose::Purpose;
use crate::session::Session;
use crate::sink::Sink;

/// What all measurements of one run have in common.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) broker: &'a Broker,
    pub(crate) runtime: &'a Runtime,
    pub(crate) progress: Progress,
}

/// What is measured with services of their own.
pub(crate) struct Case<'a> {
    pub(crate) plan: Plan,
    /// One measurement each, one after the other: why, and with how many finished orders in the databases, at least.
    pub(crate) steps: Vec<(Purpose, u64)>,
    /// Where the services keep their data, if not in files.
    pub(crate) postgres: Option<&'a Postgres>,
    /// Where they export to, if they do.
    pub(crate) sink: Option<&'a Sink>,
    /// The broker's own limit is measured, too.
    pub(crate) with_limit: bool,
}

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Measurement {
    pub(crate) purpose: Purpose,
    pub(crate) load: Load,
    pub(crate) products: u16,
    pub(crate) storage: String,
    /// Finished orders in the databases when it began.
    pub(crate) orders_before: u64,
    /// From the start of each service until it said that it was ready.
    pub(crate) ready_after: PerService<Duration>,
    /// Of the load, without the warm-up.
    pub(crate) outcomes: Outcomes,
    pub(crate) cost: Cost,
    /// Bytes in each service's database for each saga it ever had; known when the services have ended.
    pub(crate) database_bytes_per_saga: Option<PerService<f64>>,
    /// In Kafka, during the load.
    pub(crate) records_per_saga: f64,
    /// In Kafka; unknown if the broker's data is not on this machine.
    pub(crate) topic_bytes_per_saga: Option<f64>,
    pub(crate) limit: Option<Limit>,
    /// Spans exported for each saga; none without tracing.
    pub(crate) spans_per_saga: Option<f64>,
    /// An order's way; none if orders were not followed.
    pub(crate) hops: Vec<Hop>,
}

impl<'a> Case<'a> {
    /// One measurement on SQLite without tracing and further questions.
    pub(crate) fn of(purpose: Purpose, plan: Plan, preload: u64) -> Self {
        Self { plan, steps: vec![(purpose, preload)], postgres: None, sink: None, with_limit: false }
    }

    pub(crate) fn on(self, postgres: Option<&'a Postgres>) -> Self {
        Self { postgres, ..self }
    }

    pub(crate) fn traced(self, sink: Option<&'a Sink>) -> Self {
        Self { sink, ..self }
    }

    pub(crate) fn with_limit(self) -> Self {
        Self { with_limit: true, ..self }
    }
}

impl<'a> Bench<'a> {
    /// Measures all steps of a case.
    ///
    /// # Errors
    /// Something can't be started or ends early. That an order does not become final is no error but a result.
    pub(crate) fn run(&self, case: &Case<'a>) -> Result<Vec<Measurement>> {
        let mut session = Session::open(self, case)?;
        let limit = case.with_limit.then(|| session.limit()).transpose()?;
        session.warm_up()?;
        let mut runs = Vec::with_capacity(case.steps.len());
        for &(purpose, orders) in &case.steps {
            session.preload(orders)?;
            runs.push(Measurement { limit, ..session.measure(purpose)? });
        }
        session.close(runs)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a quotient of figures that are no more exact")]
pub(crate) fn each(sum: u64, sagas: u64) -> f64 {
    if sagas == 0 { 0.0 } else { sum as f64 / sagas as f64 }
}

impl Measurement {
    /// How many sagas ended in a second.
    pub(crate) fn sagas_per_second(&self) -> f64 {
        let seconds = self.outcomes.elapsed.as_secs_f64();
        if seconds > 0.0 { self.sagas() / seconds } else { 0.0 }
    }

    /// How many sagas ended.
    pub(crate) fn sagas(&self) -> f64 {
        each(self.outcomes.tally.finals(), 1)
    }

    /// So many seconds for all sagas, in milliseconds for each; none without sagas.
    pub(crate) fn ms_per_saga(&self, seconds: f64) -> Option<f64> {
        (self.sagas() > 0.0).then(|| seconds * 1000.0 / self.sagas())
    }
}
