//! The services of one case, and what is done with them one after the other.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xtask::wait::wait_until;
use xtask::{PerService, Postgres, ServiceName};

use crate::catalog::Orders;
use crate::cost::Meter;
use crate::disk;
use crate::finals;
use crate::follower::Follower;
use crate::hops;
use crate::journal::{Hop, Journal};
use crate::ledger::Ledger;
use crate::limit::{self, Limit};
use crate::load::{self, Target};
use crate::measure::{Bench, Case, Measurement, each};
use crate::order_api::OrderApi;
use crate::plan::{Closed, Load, Plan, Until};
use crate::purpose::Purpose;
use crate::sink::Sink;
use crate::stage::Stage;

/// Clients that fill the databases: with many of them batches are large, which is fastest.
const FILLING_CLIENTS: u16 = 512;

/// How long the last events of orders that are final may take to be read by a second reader.
const READING: Duration = Duration::from_secs(10);

/// What lasts as long as the services run.
pub(crate) struct Session<'a> {
    bench: Bench<'a>,
    plan: Plan,
    postgres: Option<&'a Postgres>,
    sink: Option<&'a Sink>,
    target: Arc<Target>,
    _finals: Follower,
    /// How many sagas ended so far.
    sagas: u64,
    /// How many spans there were before the last load.
    spans_before: u64,
    stage: Stage<'a>,
}

impl<'a> Session<'a> {
    /// Starts the services and gives them something to sell.
    ///
    /// # Errors
    /// A service can't be started.
    pub(crate) fn open(bench: &Bench<'a>, case: &Case<'a>) -> Result<Self> {
        let step = bench.progress.step("starting the four services");
        let stage = Stage::open(bench.workspace, bench.broker, case.postgres, bench.runtime, case.sink)?;
        step.done(&format!("the four services are ready{}", traced(case.sink)));

        let step = bench.progress.step("filling catalog and stock");
        let orders = Orders::stocked(&stage.suite, case.plan.products)?;
        step.done("catalog and stock are filled");

        let api = OrderApi::at(&stage.suite.url(ServiceName::Order))?;
        let ledger = Arc::new(Ledger::new(case.plan.warm_up.in_flight));
        let finals = finals::follow(&stage.topics, Arc::clone(&ledger))?;
        Ok(Self {
            bench: *bench,
            plan: case.plan.clone(),
            postgres: case.postgres,
            sink: case.sink,
            target: Arc::new(Target { api, orders, ledger, journal: OnceLock::new() }),
            _finals: finals,
            sagas: 0,
            spans_before: 0,
            stage,
        })
    }

    /// Measures what the broker itself can take.
    ///
    /// # Errors
    /// It does not take anything.
    pub(crate) fn limit(&self) -> Result<Limit> {
        let step = self.bench.progress.step("producing raw records");
        let limit = limit::measure(&self.stage.topics)?;
        step.done("produced raw records");
        Ok(limit)
    }

    /// Lets broker and services become warm.
    ///
    /// # Errors
    /// An order does not become final.
    pub(crate) fn warm_up(&mut self) -> Result<()> {
        self.finish_all(self.plan.warm_up.clone(), "warming up")
    }

    /// Sends orders until there are so many of them in the databases.
    ///
    /// # Errors
    /// One does not become final.
    pub(crate) fn preload(&mut self, orders: u64) -> Result<()> {
        let missing = orders.saturating_sub(self.sagas);
        if missing == 0 {
            return Ok(());
        }
        let clients = self.plan.warm_up.clients.max(FILLING_CLIENTS);
        let filling = Closed { clients, until: Until::Orders(missing), ..self.plan.warm_up };
        self.finish_all(filling, &format!("bringing the databases to {orders} finished orders"))
    }

    fn finish_all(&mut self, load: Closed, title: &str) -> Result<()> {
        self.send(&Load::Closed(load), title)?;
        let tally = self.target.ledger.close().tally;
        self.sagas += tally.finals();
        ensure!(tally.is_complete(), "{title}: orders did not become final: {tally:?}");
        Ok(())
    }

    /// Measures the load. What is known only when the services have ended is not in it yet.
    ///
    /// # Errors
    /// A process has ended, or the system doesn't tell of it.
    pub(crate) fn measure(&mut self, purpose: Purpose) -> Result<Measurement> {
        let load = self.plan.load.clone();
        let way = hops::are_followed(&load).then(|| self.follow_orders()).transpose()?;
        let records = self.stage.topics.events()?;
        let bytes = self.topic_bytes()?;
        self.spans_before = self.sink.map(Sink::spans).unwrap_or_default();
        let meter = Meter::begin(self.bench.broker, self.postgres, &self.stage.suite)?;
        self.send(&load, &format!("{}{}", load.title(), traced(self.sink)))?;
        let cost = meter.read().context("a process has ended")?;

        let outcomes = self.target.ledger.close();
        let sagas = outcomes.tally.finals();
        let orders_before = self.sagas;
        self.sagas += sagas;
        let records = self.stage.topics.events()? - records;
        let bytes = self.topic_bytes()?.zip(bytes).map(|(after, before)| after.saturating_sub(before));
        Ok(Measurement {
            purpose,
            load,
            products: self.plan.products,
            storage: storage(self.postgres),
            orders_before,
            ready_after: self.stage.ready_after(),
            outcomes,
            cost,
            database_bytes_per_saga: None,
            records_per_saga: each(records, sagas),
            topic_bytes_per_saga: bytes.map(|bytes| each(bytes, sagas)),
            limit: None,
            spans_per_saga: None,
            hops: way.map(|(journal, _reading)| read_to_the_end(&journal)).unwrap_or_default(),
        })
    }

    /// Ends the services, and tells what was measured with what is known at their end.
    ///
    /// # Errors
    /// A service had ended before, or does not end well.
    pub(crate) fn close(mut self, mut runs: Vec<Measurement>) -> Result<Vec<Measurement>> {
        let databases = self.stage.databases_at_the_end()?;
        if let Some(last) = runs.last_mut() {
            last.database_bytes_per_saga = Some(PerService::new(|service| each(databases[service], self.sagas)));
            // At its end a service exports what is left.
            let spans = self.sink.map(|sink| sink.spans() - self.spans_before);
            last.spans_per_saga = spans.map(|spans| each(spans, last.outcomes.tally.finals()));
        }
        Ok(runs)
    }

    fn send(&self, load: &Load, title: &str) -> Result<()> {
        let step = self.bench.progress.step_of(title, load.length());
        self.bench.runtime.block_on(load::run(&self.target, load, &step))?;
        step.done(&format!("{title}: {} orders are final", self.target.ledger.finals()));
        Ok(())
    }

    fn follow_orders(&self) -> Result<(Arc<Journal>, Follower)> {
        let journal = Arc::clone(self.target.journal.get_or_init(Arc::default));
        let follower = hops::follow(&self.stage.topics, Arc::clone(&journal))?;
        Ok((journal, follower))
    }

    fn topic_bytes(&self) -> Result<Option<u64>> {
        self.bench.broker.data_dir().map(|data| disk::topics(&data, self.stage.topics.prefix())).transpose()
    }
}

/// Orders whose end is not read in time are not counted: how many there are is told with the hops.
fn read_to_the_end(journal: &Journal) -> Vec<Hop> {
    let missing = || match journal.missing() {
        0 => Ok(()),
        missing => Err(format!("{missing} are missing")),
    };
    wait_until("the ends of all orders", READING, missing).ok();
    journal.hops()
}

fn storage(postgres: Option<&Postgres>) -> String {
    postgres.map_or_else(|| "SQLite".to_owned(), |server| format!("PostgreSQL {}", server.kind()))
}

fn traced(sink: Option<&Sink>) -> &'static str {
    if sink.is_some() { ", with tracing" } else { "" }
}
