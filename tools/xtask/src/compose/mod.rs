//! A test of `docker compose up --build` that uses the published ports only, as a user does.

mod images;
mod jaeger;
mod project;
mod trace;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use catalog::ServiceName;
use serde_json::Value;

use crate::build::workspace::Workspace;
use crate::client::Client;
use crate::demo::scenario::{CONFIRMED, REFUSED, Scenario};
use crate::demo::shop::{DemoOrder, Shop, Stock};
use crate::process::wait::wait_until;
use crate::progress::Progress;
use crate::table::Table;
use jaeger::Jaeger;
use project::{Project, PublishedPort};

/// The first build compiles librdkafka, SQLite and all crates, optimized.
const BUILDING: Duration = Duration::from_hours(1);

/// Maximum time for creating or removing containers, and until they are healthy.
const CONTAINERS: Duration = Duration::from_mins(5);

/// Maximum time for which a client retries while a container restarts.
const RESTARTING: Duration = Duration::from_mins(1);

/// Units of each product taken into stock.
const RECEIPT: u32 = 1000;

/// Starts the suite in its own containers, places orders, checks the traces, restarts each container, recreates all
/// containers, and removes everything.
///
/// # Errors
/// There is no Docker engine with Compose, or a check fails. After a failed check, the logs of all containers are kept.
pub fn run(workspace: &Workspace, progress: Progress) -> Result<()> {
    let project = Project::new(workspace)?;
    progress.print(&format!("✔ {}; output goes to {}", project.engine(), project.log().display()));
    let mut trial = ComposeTest::new(&project, progress);
    let outcome = trial.run();
    if outcome.is_err() {
        let words = project.save_logs();
        progress.print(&format!("the containers' logs are in {}", words.display()));
    }
    outcome
}

struct ComposeTest<'p> {
    project: &'p Project,
    progress: Progress,
    order: Client,
    shop: Shop,
    jaeger: Jaeger,
    times: Vec<(String, Duration)>,
}

/// An order that was placed.
struct Placed {
    id: String,
    correlation_id: String,
}

impl<'p> ComposeTest<'p> {
    fn new(project: &'p Project, progress: Progress) -> Self {
        let client = |port| Client::new(project.url(port));
        let service = |name| client(PublishedPort::Service(name));
        let (order, inventory) = (service(ServiceName::Order), service(ServiceName::Inventory));
        let shop = Shop::new(order.clone(), inventory);
        let jaeger = Jaeger::new(client(PublishedPort::Jaeger));
        Self { project, progress, order, shop, jaeger, times: Vec::new() }
    }

    fn run(&mut self) -> Result<()> {
        self.step("docker compose up --build --wait", |trial| trial.project.up(&["--build"], BUILDING))?;
        let images = self.step("images run as an ordinary user", |trial| images::inspect(trial.project))?;
        self.step("ports are published on loopback only", |trial| trial.project.must_publish_on_loopback_only())?;
        self.step("catalog and stock are filled", Self::fill)?;

        let first = self.step("an order is confirmed", |trial| trial.place_and_verify(&CONFIRMED))?;
        let refused = self.step("an order is refused and compensated", |trial| trial.place_and_verify(&REFUSED))?;
        self.step("one trace has all four services", |trial| {
            trial.jaeger.trace_with(&first.correlation_id, &trace::CONFIRMED)
        })?;
        self.step("the refused order's trace has refund and restock", |trial| {
            trial.jaeger.trace_with(&refused.correlation_id, &trace::REFUSED)
        })?;

        for container in self.project.services()? {
            self.step(&format!("docker compose restart {container}: the next order is confirmed"), |trial| {
                trial.project.run(&["restart", &container], CONTAINERS)?;
                trial.place_and_verify(&CONFIRMED)?;
                trial.project.wait_until_all_are_healthy(CONTAINERS)
            })?;
        }

        let before = self.seen_of(&first)?;
        self.step("docker compose down", |trial| trial.project.run(&["down"], CONTAINERS))?;
        self.step("docker compose up --build --wait, nothing to build", |trial| {
            trial.project.up(&["--build"], CONTAINERS)
        })?;
        self.step("orders and stock are still there", |trial| {
            let after = trial.seen_of(&first)?;
            ensure!(before == after, "the first order and the stock were {before:?}, now they are {after:?}");
            Ok(())
        })?;
        let last = self.step("the next order is confirmed", |trial| trial.place_and_verify(&CONFIRMED))?;
        self.step("its trace is there, and the first one still", |trial| {
            trial.jaeger.trace_with(&last.correlation_id, &trace::CONFIRMED)?;
            trial.jaeger.trace_with(&first.correlation_id, &trace::CONFIRMED)
        })?;
        self.step("docker compose down --volumes leaves nothing", |trial| trial.project.remove())?;

        println!("\n{}\n{images}", self.times());
        Ok(())
    }

    /// Runs one step and records its duration.
    fn step<T>(&mut self, what: &str, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let (step, started) = (self.progress.step(what), Instant::now());
        let outcome = work(self)?;
        self.times.push((what.to_owned(), started.elapsed()));
        step.done(what);
        Ok(outcome)
    }

    fn times(&self) -> Table {
        let mut table = Table::new(&["step", "s"], &[1]);
        for (what, time) in &self.times {
            table.row(vec![what.clone(), format!("{:.1}", time.as_secs_f32())]);
        }
        table
    }

    fn fill(&self) -> Result<()> {
        for scenario in [&CONFIRMED, &REFUSED] {
            self.shop.offer(scenario.product)?;
            self.shop.receive(scenario.product.sku, RECEIPT)?;
        }
        Ok(())
    }

    /// Places an order and waits for its expected outcome and events.
    fn place_and_verify(&self, scenario: &Scenario) -> Result<Placed> {
        let placed = self.place(scenario)?;
        self.shop.order_when(&placed.id, &[scenario.outcome])?;
        self.shop.timeline_with(&placed.id, scenario.events)?;
        Ok(placed)
    }

    /// Retries like a client without a response: with the same idempotency key, so that only one order is placed.
    fn place(&self, scenario: &Scenario) -> Result<Placed> {
        let key = format!("{}-{}", self.project.name(), self.times.len());
        let reply = wait_until("an order to be accepted", RESTARTING, || {
            let reply = self.order.post_with("/orders", &scenario.order(), &[("idempotency-key", &key)]);
            match reply {
                Ok(reply) if reply.status == 503 => Err(reply.body.to_string()),
                Ok(reply) => Ok(reply),
                Err(error) => Err(format!("{error:#}")),
            }
        })?;
        let correlation_id = reply.header("x-correlation-id").unwrap_or_default().to_owned();
        let body = reply.expect_status(202)?;
        let id = body["order_id"].as_str().unwrap_or_default().to_owned();
        ensure!(!id.is_empty() && !correlation_id.is_empty(), "the answer names no order or correlation id: {body}");
        Ok(Placed { id, correlation_id })
    }

    /// State that a restart of everything must preserve.
    fn seen_of(&self, placed: &Placed) -> Result<(Value, DemoOrder, Stock, Stock)> {
        let timeline = self.order.get(&format!("/orders/{}/timeline", placed.id))?.expect_status(200)?;
        let order = self.shop.order(&placed.id)?;
        Ok((timeline, order, self.shop.stock(CONFIRMED.product.sku)?, self.shop.stock(REFUSED.product.sku)?))
    }
}
