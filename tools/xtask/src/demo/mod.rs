//! The demonstration: four orders pass through the saga, and their outcomes are printed.

mod report;
pub(crate) mod scenario;
pub(crate) mod shop;

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::broker::{Broker, Kind};
use crate::build::workspace::Workspace;
use crate::build::{compile, requirements};
use crate::process::ports;
use crate::progress::Progress;
use crate::suite::Suite;
use catalog::ServiceName;
use scenario::{SCENARIOS, Scenario};
use shop::{DemoOrder, Shop, Stock, TimelineEntry};

/// Units of each product taken into stock.
const RECEIPT: u32 = 100;

/// Maximum time for which another run may hold the lock while it starts its services.
const STARTING: Duration = Duration::from_mins(5);

/// Interval between checks that the services still run.
const WATCH: Duration = Duration::from_secs(1);

/// The outcome of one order.
pub(crate) struct OrderOutcome {
    pub(crate) order: DemoOrder,
    entries: Vec<TimelineEntry>,
    /// The difference from the expected outcome.
    pub(crate) complaint: Option<String>,
}

/// Starts everything, places the four orders and prints their timelines. Then runs until a signal arrives, unless
/// `exit` is set. With `release`, the services are optimized. Returns true if all orders have their expected outcomes.
///
/// # Errors
/// Something cannot be built or started, or a service breaks its interface.
pub fn run(workspace: &Workspace, release: bool, exit: bool, progress: Progress) -> Result<bool> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    compile::services(workspace, release, progress)?;
    let broker = Broker::obtain(workspace, progress)?;
    let prefix = topic_prefix(broker.kind());
    let mut suite = start_services(workspace, &broker, prefix.as_deref(), release, progress)?;
    let shop = Shop::of(&suite);
    let before = seed(&shop, progress)?;
    let outcomes = order_all(&shop, progress)?;
    let complaints = print(&shop, &before, &outcomes)?;
    if !exit {
        println!("{}", report::invitation(&suite, &outcomes[0].order.id));
        run_until_interrupted(&mut suite)?;
    }
    for complaint in &complaints {
        eprintln!("unexpected outcome: {complaint}");
    }
    Ok(complaints.is_empty())
}

/// Starts the services on their usual ports, or on free ones where those are taken.
pub(crate) fn start_services(
    workspace: &Workspace,
    broker: &Broker,
    topic_prefix: Option<&str>,
    release: bool,
    progress: Progress,
) -> Result<Suite> {
    // Another run must not choose the same ports before the services have taken them.
    let _lock = workspace.lock("run-ports", STARTING)?;
    let step = progress.step("starting the four services");
    let mut builder = Suite::builder(broker.bootstrap_servers())
        .binaries(workspace.target().join(if release { "release" } else { "debug" }))
        .data_dir(workspace.run_dir("run")?);
    for service in ServiceName::all() {
        builder = builder.port(service, ports::free_or(service.port())?);
    }
    if let Some(prefix) = topic_prefix {
        builder = builder.topic_prefix(prefix);
    }
    let suite = builder.start()?;
    step.done("the four services are ready");
    Ok(suite)
}

/// On a shared broker, each run has its own topics because its new databases do not contain the orders of earlier runs.
pub(crate) fn topic_prefix(kind: Kind) -> Option<String> {
    let shared = matches!(kind, Kind::Given | Kind::Persistent);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    shared.then(|| format!("run-{}-{}.", now.as_secs(), std::process::id()))
}

/// Fills catalog and stock; returns the stock.
pub(crate) fn seed(shop: &Shop, progress: Progress) -> Result<Vec<Stock>> {
    let step = progress.step("filling catalog and stock");
    let stock = SCENARIOS.iter().map(|scenario| {
        shop.offer(scenario.product)?;
        shop.receive(scenario.product.sku, RECEIPT)?;
        shop.stock_when_on_hand_is(scenario.product.sku, i64::from(RECEIPT))
    });
    let stock = stock.collect::<Result<_>>()?;
    step.done("catalog and stock are filled");
    Ok(stock)
}

/// Places all orders at once, then waits for their outcomes.
pub(crate) fn order_all(shop: &Shop, progress: Progress) -> Result<Vec<OrderOutcome>> {
    let step = progress.step("four orders go through the saga");
    let placed: Vec<DemoOrder> =
        SCENARIOS.iter().map(|scenario| shop.place(&scenario.order())).collect::<Result<_>>()?;
    let mut outcomes = Vec::with_capacity(placed.len());
    for (number, (scenario, order)) in SCENARIOS.iter().zip(&placed).enumerate() {
        step.note(&format!("order {} of {}, {}", number + 1, placed.len(), scenario.title));
        outcomes.push(follow(shop, scenario, &order.id)?);
    }
    step.done("all four orders are final");
    Ok(outcomes)
}

/// Waits for the outcome of an order.
pub(crate) fn follow(shop: &Shop, scenario: &Scenario, id: &str) -> Result<OrderOutcome> {
    let mut order = shop.order_when(id, &["confirmed", "dispatched", "cancelled"])?;
    if scenario.cancelled_by_customer && order.status == "confirmed" {
        shop.cancel(id)?;
        order = shop.order_when(id, &["cancelled", "dispatched"])?;
    }
    if order.status != scenario.outcome {
        let complaint = format!("order {id} is {}, expected {}", order.status, scenario.title);
        return Ok(OrderOutcome { entries: shop.timeline(id)?, order, complaint: Some(complaint) });
    }
    match shop.timeline_with(id, scenario.events) {
        Ok(entries) => Ok(OrderOutcome { order, entries, complaint: None }),
        Err(error) => Ok(OrderOutcome { entries: shop.timeline(id)?, order, complaint: Some(format!("{error:#}")) }),
    }
}

/// Prints timelines and stock; returns the differences from the expected outcomes.
fn print(shop: &Shop, before: &[Stock], outcomes: &[OrderOutcome]) -> Result<Vec<String>> {
    println!();
    for (number, (scenario, outcome)) in SCENARIOS.iter().zip(outcomes).enumerate() {
        println!("{}", report::timeline(number + 1, scenario, &outcome.order, &outcome.entries));
    }
    let mut complaints: Vec<String> = outcomes.iter().filter_map(|outcome| outcome.complaint.clone()).collect();
    let mut after = Vec::with_capacity(before.len());
    for (scenario, before) in SCENARIOS.iter().zip(before) {
        let sku = scenario.product.sku;
        let stock = match shop.stock_when_on_hand_is(sku, before.on_hand - scenario.taken()) {
            Ok(stock) => stock,
            Err(error) => {
                complaints.push(format!("{error:#}"));
                shop.stock(sku)?
            }
        };
        complaints.extend(conserved(sku, *before, stock));
        after.push(stock);
    }
    println!("{}", report::stock(before, &after));
    Ok(complaints)
}

/// Reports goods that appeared or vanished.
fn conserved(sku: &str, before: Stock, after: Stock) -> Option<String> {
    let total = |stock: Stock| stock.on_hand + stock.reserved + stock.shipped;
    (total(before) != total(after)).then(|| format!("there were {} of {sku}, now {}", total(before), total(after)))
}

/// Waits until a service ends, and returns its error. A signal ends the process.
fn run_until_interrupted(suite: &mut Suite) -> Result<()> {
    loop {
        suite.ensure_running().context("a service ended unexpectedly")?;
        thread::park_timeout(WATCH);
    }
}
