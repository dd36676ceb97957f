//! A steady flow of orders. Customers resend each order with its idempotency key until it is accepted. Some orders are
//! cancelled and some parcels dispatched at random moments.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use contracts::OrderId;
use e2e::{NewOrder, TestProduct, eur};
use fastrand::Rng;
use jiff::Timestamp;
use providers::simulator::{addresses, cards};
use serde_json::{Value, json};
use uuid::Uuid;
use xtask::wait::{Poll, wait_for};
use xtask::{Reply, ServiceName};

use crate::faults::plan::Size;
use crate::system::{SystemUnderTest, locked};

/// Concurrent customers.
const CUSTOMERS: usize = 64;
/// Maximum time in which a request is retried.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(3);
/// Maximum time in which a dispatch is retried.
const DISPATCH_TIMEOUT: Duration = Duration::from_secs(4);
/// Maximum pause before a cancellation or a dispatch.
const MAX_PAUSE_MS: u64 = 1_500;

/// Products for sale.
pub struct TestProducts {
    /// Never out of stock.
    pub ample: Vec<TestProduct>,
    /// In stock for about half of the orders.
    pub scarce: Vec<TestProduct>,
}

impl TestProducts {
    /// Lists the products and fills the stock.
    ///
    /// # Errors
    /// A service rejects a request.
    pub fn seed_stock(system: &SystemUnderTest, orders: u32) -> Result<Self> {
        let ample = (1..=6).map(|number| product(system, format!("AMPLE-{number}"), 100 * number, orders * 9));
        let ample = ample.collect::<Result<_>>()?;
        let scarce = (1..=3).map(|number| product(system, format!("SCARCE-{number}"), 1_000 * number, orders / 40));
        Ok(Self { ample, scarce: scarce.collect::<Result<_>>()? })
    }

    pub fn products(&self) -> impl Iterator<Item = &TestProduct> {
        self.ample.iter().chain(&self.scarce)
    }
}

pub(crate) fn product(system: &SystemUnderTest, sku: String, price_minor: i64, on_hand: u32) -> Result<TestProduct> {
    let body = json!({ "name": "Thing", "price": eur(price_minor) });
    system.client(ServiceName::Order).put(&format!("/products/{sku}"), &body)?.expect_status(200)?;
    let body = json!({ "quantity": on_hand });
    system.client(ServiceName::Inventory).post(&format!("/stock/{sku}/receipts"), &body)?.expect_status(200)?;
    Ok(TestProduct { sku, price_minor, received: on_hand.into() })
}

/// An accepted order as its customer knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedOrder {
    pub id: OrderId,
    /// Total in cents.
    pub total_minor: i64,
    /// SKUs with quantities.
    pub lines: Vec<(String, u32)>,
    /// Trace started by the customer.
    pub trace_id: String,
    pub at: Timestamp,
    /// True if a cancellation was accepted.
    pub cancelled: bool,
    /// True if a dispatch succeeded.
    pub dispatched: bool,
    /// True if the provider simulator is slow or flaky for this order.
    pub slow: bool,
}

/// Results of all requests.
#[derive(Debug, Default)]
pub struct TrafficLog {
    /// In no particular order.
    pub accepted: Vec<AcceptedOrder>,
    /// Receipts: SKUs with quantities.
    pub received: Vec<(String, u32)>,
    /// Errors of valid requests.
    pub refused: Vec<String>,
}

/// Generates orders until there are enough and the faults are over.
pub fn generate(
    system: &SystemUnderTest,
    products: &TestProducts,
    seed: u64,
    size: Size,
    over: &AtomicBool,
) -> TrafficLog {
    let queue = CustomerQueue::default();
    thread::scope(|scope| {
        let customers: Vec<_> = (0..CUSTOMERS).map(|_| scope.spawn(|| serve(system, products, &queue))).collect();
        let start = Instant::now();
        let mut number = 0;
        // Continues while late faults last, but not forever.
        while number < size.orders || (!over.load(Ordering::Relaxed) && number < 2 * size.orders) {
            let due = Duration::from_secs(number.into()) / size.orders_per_second;
            thread::sleep(due.saturating_sub(start.elapsed()));
            queue.enter(seed.wrapping_mul(1_000_003).wrapping_add(number.into()));
            number += 1;
        }
        queue.close();
        let mut traffic = TrafficLog::default();
        for customer in customers {
            let mut log = customer.join().expect("customer thread panicked");
            traffic.accepted.append(&mut log.accepted);
            traffic.received.append(&mut log.received);
            traffic.refused.append(&mut log.refused);
        }
        traffic
    })
}

/// Seeds of the customers who have not ordered yet.
#[derive(Default)]
struct CustomerQueue {
    waiting: Mutex<(VecDeque<u64>, bool)>,
    changed: Condvar,
}

impl CustomerQueue {
    fn enter(&self, seed: u64) {
        locked(&self.waiting).0.push_back(seed);
        self.changed.notify_one();
    }

    fn close(&self) {
        locked(&self.waiting).1 = true;
        self.changed.notify_all();
    }

    fn next(&self) -> Option<u64> {
        let mut waiting = locked(&self.waiting);
        loop {
            if let Some(seed) = waiting.0.pop_front() {
                return Some(seed);
            }
            if waiting.1 {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

fn serve(system: &SystemUnderTest, products: &TestProducts, queue: &CustomerQueue) -> TrafficLog {
    let mut traffic = TrafficLog::default();
    while let Some(seed) = queue.next() {
        let mut rng = Rng::with_seed(seed);
        if rng.u8(0..100) < 5 {
            match receive(system, products, &mut rng) {
                Ok(received) => traffic.received.push(received),
                Err(error) => traffic.refused.push(format!("{error:#}")),
            }
        }
        match buy(system, products, &mut rng) {
            Ok(accepted) => traffic.accepted.push(accepted),
            Err(error) => traffic.refused.push(format!("{error:#}")),
        }
    }
    traffic
}

/// Books a receipt twice with the same idempotency key.
pub(crate) fn receive(system: &SystemUnderTest, products: &TestProducts, rng: &mut Rng) -> Result<(String, u32)> {
    let sku = &rng.choice(&products.ample).expect("a product").sku;
    let (path, quantity) = (format!("/stock/{sku}/receipts"), rng.u32(1..20));
    let (key, body) = (Uuid::now_v7().to_string(), json!({ "quantity": quantity }));
    for _ in 0..2 {
        let post = || system.client(ServiceName::Inventory).post_with(&path, &body, &[("idempotency-key", &key)]);
        request("a receipt", &[200], post)?;
        random_pause(rng);
    }
    Ok((sku.clone(), quantity))
}

/// Places a valid order in a new trace.
pub(crate) fn place(system: &SystemUnderTest, order: &NewOrder, rng: &mut Rng) -> Result<AcceptedOrder> {
    let (key, trace_id) = (Uuid::now_v7().to_string(), format!("{:032x}", rng.u128(1..)));
    let parent = format!("00-{trace_id}-{:016x}-00", rng.u64(1..));
    let body = order.body();
    let headers = [("idempotency-key", key.as_str()), ("traceparent", parent.as_str())];
    let reply =
        request("a new order", &[202], || system.client(ServiceName::Order).post_with("/orders", &body, &headers))?;
    Ok(AcceptedOrder {
        id: reply.body["order_id"].as_str().context("response has no order_id")?.parse()?,
        total_minor: order.total_minor(),
        lines: lines(&body),
        trace_id,
        at: Timestamp::now(),
        cancelled: false,
        dispatched: false,
        slow: false,
    })
}

/// Requests the cancellation of an order. Returns `false` if it comes too late.
pub(crate) fn cancel(system: &SystemUnderTest, id: OrderId) -> Result<bool> {
    let cancel = || system.client(ServiceName::Order).post(&format!("/orders/{id}/cancel"), &json!({}));
    Ok(request("a cancellation", &[202, 409], cancel)?.status == 202)
}

/// Places one order and perhaps cancels or dispatches it.
fn buy(system: &SystemUnderTest, products: &TestProducts, rng: &mut Rng) -> Result<AcceptedOrder> {
    let (order, slow) = random_order(products, rng);
    let mut accepted = AcceptedOrder { slow, ..place(system, &order, rng)? };
    let id = accepted.id;
    match rng.u8(0..100) {
        0..12 => {
            random_pause(rng);
            accepted.cancelled = cancel(system, id)?;
        }
        12..28 => {
            random_pause(rng);
            accepted.dispatched = dispatch(system, id);
        }
        28..32 => {
            accepted.dispatched = dispatch(system, id);
            accepted.cancelled = cancel(system, id)?;
        }
        _ => {}
    }
    Ok(accepted)
}

fn random_pause(rng: &mut Rng) {
    thread::sleep(Duration::from_millis(rng.u64(0..MAX_PAUSE_MS)));
}

/// Dispatches the parcel. Returns `false` after a timeout, because some orders never get a parcel.
pub(crate) fn dispatch(system: &SystemUnderTest, id: OrderId) -> bool {
    let path = format!("/shipments/{id}/dispatch");
    let left = wait_for("the dispatch", DISPATCH_TIMEOUT, || {
        match system.client(ServiceName::Shipping).post(&path, &json!({})) {
            Ok(reply) if reply.status == 200 => Ok(Poll::Ready(())),
            Ok(reply) => Ok(Poll::Pending(reply.body.to_string())),
            Err(error) => Ok(Poll::Pending(format!("{error:#}"))),
        }
    });
    left.is_ok()
}

/// Repeats a request until it gets an expected status. Retries while the service is unavailable or overloaded.
fn request(what: &str, expected: &[u16], send: impl Fn() -> Result<Reply>) -> Result<Reply> {
    wait_for(&format!("a response to {what}"), REQUEST_TIMEOUT, || match send() {
        Ok(reply) if expected.contains(&reply.status) => Ok(Poll::Ready(reply)),
        Ok(reply) if [429, 503].contains(&reply.status) => Ok(Poll::Pending(reply.body.to_string())),
        Ok(reply) => bail!("unexpected response to {what}: {reply:?}"),
        Err(error) => Ok(Poll::Pending(format!("{error:#}"))),
    })
}

/// Creates a random order. The flag is true if a provider is slow or flaky for it.
fn random_order(products: &TestProducts, rng: &mut Rng) -> (NewOrder, bool) {
    let hot = &products.ample[0];
    let mut order = NewOrder::of(if rng.bool() { hot } else { &products.ample[1] }, rng.u32(1..4));
    for product in &products.ample[2..] {
        if rng.u8(0..4) == 0 {
            order = order.and(product, rng.u32(1..6));
        }
    }
    let kind = rng.u8(0..100);
    let order = match kind {
        0..8 => order.paid_with(if rng.bool() { cards::DECLINED } else { cards::INSUFFICIENT_FUNDS }),
        8..16 => order.to_country(addresses::UNSERVED_COUNTRY),
        16..26 => order.and(rng.choice(&products.scarce).expect("a scarce product"), rng.u32(1..3)),
        26..30 => order.paid_with(cards::FLAKY),
        30..34 => order.to_postal_code(addresses::FLAKY_POSTAL_CODE),
        34..36 => order.paid_with(cards::SLOW),
        36..38 => order.to_postal_code(addresses::SLOW_POSTAL_CODE),
        _ => order,
    };
    (order, (26..38).contains(&kind))
}

fn lines(body: &Value) -> Vec<(String, u32)> {
    let line = |line: &Value| {
        let quantity = line["quantity"].as_u64().and_then(|quantity| quantity.try_into().ok());
        (line["sku"].as_str().unwrap_or_default().to_owned(), quantity.unwrap_or_default())
    };
    body["lines"].as_array().into_iter().flatten().map(line).collect()
}
