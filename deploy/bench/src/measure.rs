//! One measurement, from starting the services to their end.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use local::{Broker, Postgres, Progress, Service, Workspace};
use tokio::runtime::Runtime;

use crate::arguments::{Load, Plan};
use crate::catalog::Orders;
use crate::cost::{Cost, Meter};
use crate::disk;
use crate::finals::Finals;
use crate::ledger::{Ledger, Outcomes};
use crate::limit::{self, Limit};
use crate::load::{self, Target};
use crate::order_api::OrderApi;
use crate::sink::Sink;
use crate::stage::Stage;

/// What all measurements of one run have in common.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) broker: &'a Broker,
    /// Where the services keep their data, if not in files.
    pub(crate) postgres: Option<&'a Postgres>,
    pub(crate) plan: &'a Plan,
    pub(crate) runtime: &'a Runtime,
    pub(crate) progress: Progress,
}

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Measurement {
    pub(crate) load: Load,
    pub(crate) products: u16,
    /// Of the load, without the warm-up.
    pub(crate) outcomes: Outcomes,
    pub(crate) cost: Cost,
    /// Bytes in each service's database for each saga it ever had.
    pub(crate) database_bytes_per_saga: [(Service, f64); 4],
    /// In Kafka, during the load.
    pub(crate) records_per_saga: f64,
    /// In Kafka; unknown if the broker's data is not on this machine.
    pub(crate) topic_bytes_per_saga: Option<f64>,
    pub(crate) limit: Option<Limit>,
    /// Spans exported for each saga; none without tracing.
    pub(crate) spans_per_saga: Option<f64>,
}

impl<'a> Bench<'a> {
    /// Measures a suite of its own, which exports to the sink if there is one; and, if asked for, the broker's own limit.
    ///
    /// # Errors
    /// Something can't be started or ends early. That an order does not become final is no error but a result.
    pub(crate) fn run(&self, sink: Option<&Sink>, with_limit: bool) -> Result<Measurement> {
        let mut stage = self.open(sink)?;
        let target = self.target(&stage)?;
        let finals = Finals::follow(&stage.topics, Arc::clone(&target.ledger))?;
        let limit = with_limit.then(|| self.limit(&stage)).transpose()?;
        let warm_up = self.warm_up(&target)?;

        let records = stage.topics.events()?;
        let bytes = self.topic_bytes(&stage)?;
        let spans = sink.map(Sink::spans);
        let meter = Meter::begin(self.broker, self.postgres, &stage.suite)?;
        self.send(&target, &self.plan.load, &format!("{}{}", self.plan.load.title(), traced(sink)))?;
        let cost = meter.read().context("a process has ended")?;

        let outcomes = target.ledger.close();
        let sagas = outcomes.tally.finals();
        drop(finals);
        let records = stage.topics.events()? - records;
        let bytes = self.topic_bytes(&stage)?.zip(bytes).map(|(after, before)| after - before);
        // At its end a service exports what is left.
        let databases = stage.databases_at_the_end()?;
        let spans = sink.map(Sink::spans).zip(spans).map(|(after, before)| after - before);
        Ok(Measurement {
            load: self.plan.load.clone(),
            products: self.plan.products,
            outcomes,
            cost,
            database_bytes_per_saga: databases.map(|(service, size)| (service, each(size, sagas + warm_up))),
            records_per_saga: each(records, sagas),
            topic_bytes_per_saga: bytes.map(|bytes| each(bytes, sagas)),
            limit,
            spans_per_saga: spans.map(|spans| each(spans, sagas)),
        })
    }

    fn open(&self, sink: Option<&Sink>) -> Result<Stage<'a>> {
        let step = self.progress.step("starting the four services");
        let stage = Stage::open(self.workspace, self.broker, self.postgres, self.runtime, sink)?;
        step.done(&format!("the four services are ready{}", traced(sink)));
        Ok(stage)
    }

    fn target(&self, stage: &Stage<'_>) -> Result<Arc<Target>> {
        let step = self.progress.step("filling catalog and stock");
        let orders = Orders::stocked(&stage.suite, self.plan.products)?;
        step.done("catalog and stock are filled");
        let api = OrderApi::at(&stage.suite.url(Service::Order))?;
        Ok(Arc::new(Target { api, orders, ledger: Arc::new(Ledger::new(self.plan.warm_up.in_flight)) }))
    }

    fn limit(&self, stage: &Stage<'_>) -> Result<Limit> {
        let step = self.progress.step("producing raw records");
        let limit = limit::measure(&stage.topics)?;
        step.done("produced raw records");
        Ok(limit)
    }

    /// Tells how many sagas that were.
    fn warm_up(&self, target: &Arc<Target>) -> Result<u64> {
        self.send(target, &Load::Closed(self.plan.warm_up.clone()), "warming up")?;
        let tally = target.ledger.close().tally;
        ensure!(tally.is_complete(), "orders of the warm-up did not become final: {tally:?}");
        Ok(tally.finals())
    }

    fn send(&self, target: &Arc<Target>, load: &Load, title: &str) -> Result<()> {
        let step = self.progress.step_of(title, load.length());
        self.runtime.block_on(load::run(target, load, &step))?;
        step.done(&format!("{title}: {} orders are final", target.ledger.finals()));
        Ok(())
    }

    fn topic_bytes(&self, stage: &Stage<'_>) -> Result<Option<u64>> {
        self.broker.data_dir().map(|data| disk::topics(&data, stage.topics.prefix())).transpose()
    }
}

fn traced(sink: Option<&Sink>) -> &'static str {
    if sink.is_some() { ", with tracing" } else { "" }
}

#[expect(clippy::cast_precision_loss, reason = "a quotient of figures that are no more exact")]
fn each(sum: u64, sagas: u64) -> f64 {
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
}
