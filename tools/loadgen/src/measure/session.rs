//! Session: the running services of one case, and the steps of its measurements.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use catalog::{PerService, ServiceName};
use xtask::Postgres;
use xtask::wait::wait_until;

use super::case::{BenchCase, BenchContext};
use super::measurement::{Measurement, per_saga};
use super::scenario::BenchScenario;
use crate::environment::disk;
use crate::environment::setup::BenchEnvironment;
use crate::environment::span_sink::SpanSink;
use crate::floor::{self, Floors};
use crate::load::generator::{self, LoadTarget};
use crate::load::order_api::OrderApi;
use crate::load::order_bodies::OrderBodies;
use crate::load::plan::{ClosedLoop, Load, LoadPlan, LoopEnd};
use crate::observe::finals;
use crate::observe::follower::TopicFollower;
use crate::observe::hops;
use crate::resources::cost::Participants;
use crate::resources::observer::CostObserver;
use crate::results::ledger::OrderLedger;
use crate::results::trace::{HopStatistics, OrderTraces};

/// Sagas in flight while the databases are filled. Many make large batches, which is fastest.
const FILLING_IN_FLIGHT: u16 = 512;

/// Minimum sagas in flight during the warm-up. Fewer would leave the broker's JVM cold.
const WARM_UP_IN_FLIGHT: u16 = 48;

/// Maximum wait for the reader of single orders to read the last final events.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// State that lasts as long as the services run.
pub(crate) struct BenchSession<'a> {
    context: BenchContext<'a>,
    plan: LoadPlan,
    postgres: Option<&'a Postgres>,
    sink: Option<&'a SpanSink>,
    target: Arc<LoadTarget>,
    _finals: TopicFollower,
    /// Sagas that ended so far.
    sagas: u64,
    /// Spans received before the last load.
    spans_before: u64,
    environment: BenchEnvironment<'a>,
}

impl<'a> BenchSession<'a> {
    /// Starts the services and fills catalog and stock.
    ///
    /// # Errors
    /// A service cannot be started.
    pub(crate) fn open(context: &BenchContext<'a>, case: &BenchCase<'a>) -> Result<Self> {
        let step = context.progress.step("starting the services");
        let BenchContext { workspace, binaries, broker, runtime, .. } = *context;
        let environment = BenchEnvironment::open(workspace, binaries, broker, case.postgres, runtime, case.sink)?;
        step.done(&format!("the services are ready{}", traced(case.sink)));

        let step = context.progress.step("filling catalog and stock");
        let orders = OrderBodies::stocked(&environment.suite, case.plan.products)?;
        step.done("catalog and stock are filled");

        let api = OrderApi::at(&environment.suite.url(ServiceName::Order))?;
        let ledger = Arc::<OrderLedger>::default();
        let finals = finals::follow(&environment.topics, Arc::clone(&ledger))?;
        Ok(Self {
            context: *context,
            plan: case.plan.clone(),
            postgres: case.postgres,
            sink: case.sink,
            target: Arc::new(LoadTarget { api, orders, ledger, traces: OnceLock::new() }),
            _finals: finals,
            sagas: 0,
            spans_before: 0,
            environment,
        })
    }

    /// Warms up broker and services, unless the measured load does so itself.
    ///
    /// # Errors
    /// An order does not become final.
    pub(crate) fn warm_up(&mut self) -> Result<()> {
        if matches!(&self.plan.load, Load::Closed(load) if load.in_flight >= WARM_UP_IN_FLIGHT) {
            return Ok(());
        }
        let until = LoopEnd::Elapsed { before: Duration::ZERO, counted: self.plan.warm_up };
        self.finish_all(ClosedLoop { in_flight: WARM_UP_IN_FLIGHT, until }, "warming up")
    }

    /// Sends orders until the databases contain at least this many.
    ///
    /// # Errors
    /// An order does not become final.
    pub(crate) fn preload(&mut self, orders: u64) -> Result<()> {
        let missing = orders.saturating_sub(self.sagas);
        if missing == 0 {
            return Ok(());
        }
        let filling = ClosedLoop { in_flight: FILLING_IN_FLIGHT, until: LoopEnd::Orders(missing) };
        self.finish_all(filling, &format!("bringing the databases to {orders} finished orders"))
    }

    fn finish_all(&mut self, load: ClosedLoop, title: &str) -> Result<()> {
        self.send(&Load::Closed(load), Instant::now(), title)?;
        let counts = self.target.ledger.close().counts;
        self.sagas += counts.finals();
        ensure!(counts.is_complete(), "{title}: orders did not become final: {counts:?}");
        Ok(())
    }

    /// Measures the load. Figures that are known only after the services have stopped are missing.
    ///
    /// # Errors
    /// A process has ended or cannot be observed.
    pub(crate) fn measure(&mut self, scenario: BenchScenario) -> Result<Measurement> {
        let load = self.plan.load.clone();
        let floors = load.is_light().then(|| self.floors()).transpose()?;
        let trace = hops::are_followed(&load).then(|| self.follow_orders()).transpose()?;
        let records = self.environment.topics.events()?;
        let bytes = self.topic_bytes()?;
        self.spans_before = self.sink.map(SpanSink::spans).unwrap_or_default();
        let participants = Participants::of(self.context.broker, self.postgres, &self.environment.suite)?;
        let started = Instant::now();
        let window = load.window(started);
        if let Some(window) = &window {
            self.target.ledger.count_within(window.clone());
        }
        let observer = CostObserver::start(participants, window)?;
        self.send(&load, started, &format!("{}{}", load.title(), traced(self.sink)))?;
        let cost = observer.finish().context("failed to read the cost of a process")?;

        let result = self.target.ledger.close();
        let sagas = result.counts.finals();
        let orders_before = self.sagas;
        self.sagas += sagas;
        let records = self.environment.topics.events()? - records;
        let bytes = self.topic_bytes()?.zip(bytes).map(|(after, before)| after.saturating_sub(before));
        Ok(Measurement {
            scenario,
            load,
            products: self.plan.products,
            storage: storage(self.postgres),
            orders_before,
            ready_after: self.environment.ready_after(),
            result,
            cost,
            database_bytes_per_saga: None,
            records_per_saga: per_saga(records, sagas),
            topic_bytes_per_saga: bytes.map(|bytes| per_saga(bytes, sagas)),
            spans_per_saga: None,
            floors,
            hops: trace.map(|(traces, _reading)| read_to_the_end(&traces)).unwrap_or_default(),
        })
    }

    /// Stops the services and adds the figures that are known only then to the last measurement.
    ///
    /// # Errors
    /// A service ended early or with an error.
    pub(crate) fn close(mut self, mut runs: Vec<Measurement>) -> Result<Vec<Measurement>> {
        let databases = self.environment.close()?;
        if let Some(last) = runs.last_mut() {
            last.database_bytes_per_saga = Some(PerService::new(|service| per_saga(databases[service], self.sagas)));
            // A service exports its remaining spans when it stops.
            let spans = self.sink.map(|sink| sink.spans() - self.spans_before);
            last.spans_per_saga = spans.map(|spans| per_saga(spans, last.result.counts.finals()));
        }
        Ok(runs)
    }

    fn send(&self, load: &Load, started: Instant, title: &str) -> Result<()> {
        let step = self.context.progress.step_of(title, load.length());
        self.context.runtime.block_on(generator::run(&self.target, load, started, &step))?;
        step.done(&format!("{title}: {} orders are final", self.target.ledger.finals()));
        Ok(())
    }

    fn floors(&self) -> Result<Floors> {
        let step = self.context.progress.step("measuring floors");
        let floors = floor::measure(&self.environment.topics, self.environment.suite.dir())?;
        step.done("measured floors");
        Ok(floors)
    }

    fn follow_orders(&self) -> Result<(Arc<OrderTraces>, TopicFollower)> {
        let traces = Arc::clone(self.target.traces.get_or_init(Arc::default));
        let follower = hops::follow(&self.environment.topics, Arc::clone(&traces))?;
        Ok((traces, follower))
    }

    fn topic_bytes(&self) -> Result<Option<u64>> {
        self.context.broker.data_dir().map(|data| disk::topics(&data, self.environment.topics.prefix())).transpose()
    }
}

/// Waits for the last final events and returns the hops. Orders whose final event is not read in time are left out.
fn read_to_the_end(traces: &OrderTraces) -> Vec<HopStatistics> {
    let missing = || match traces.missing() {
        0 => Ok(()),
        missing => Err(format!("{missing} missing")),
    };
    wait_until("the ends of all orders", READ_TIMEOUT, missing).ok();
    traces.hops()
}

fn storage(postgres: Option<&Postgres>) -> String {
    postgres.map_or_else(|| "SQLite".to_owned(), |server| format!("PostgreSQL {}", server.kind()))
}

fn traced(sink: Option<&SpanSink>) -> &'static str {
    if sink.is_some() { ", with tracing" } else { "" }
}
