//! The whole suite, as a customer, a clerk and an operator see it.

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Result;
use contracts::OrderId;
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use providers::simulator::{CarrierEntry, CarrierLedger, GatewayEntry, GatewayLedger};
use serde_json::{Value, json};
use store::{EventStore, Store as _};
use uuid::Uuid;
use xtask::{
    Client, PerService, Reply, ServiceName, Suite, broker_from_env,
    suite::Builder,
    wait::{Poll, wait_for},
    wait_until,
};

use crate::{
    Entry, NewOrder, Product, Stock,
    parts::eur,
    records::{Topics, runtime},
};

/// How long anything may take on a loaded machine before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How often a supervisor looks.
const SUPERVISION: Duration = Duration::from_millis(50);

/// A suite of its own: other suites on the same broker don't meet it.
pub struct Shop {
    suite: Mutex<Suite>,
    clients: PerService<Client>,
    dir: PathBuf,
    /// After the suite, so that topics are deleted when nobody uses them any more.
    topics: Topics,
}

/// The value, or the end of the test with the whole story of the error.
#[track_caller]
pub fn must<T, E: Into<anyhow::Error>>(result: std::result::Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{:#}", error.into()),
    }
}

/// Running it.
impl Shop {
    /// Starts the four services.
    #[track_caller]
    pub fn open() -> Self {
        Self::open_with(|suite| suite)
    }

    /// Starts them with something chosen.
    #[track_caller]
    pub fn open_with(choose: impl FnOnce(Builder) -> Builder) -> Self {
        Self::open_at(&must(broker_from_env()), choose)
    }

    /// Starts them on this broker.
    #[track_caller]
    pub fn open_at(broker: &str, choose: impl FnOnce(Builder) -> Builder) -> Self {
        let prefix = format!("e2e-{}.", Uuid::now_v7().simple());
        // Only tests about deadlines have one that can pass.
        let suite = Suite::builder(broker).topic_prefix(&prefix).env_for(ServiceName::Order, "ORDER_DEADLINE_S", "600");
        let suite = must(choose(suite).start());
        Self {
            clients: PerService::new(|service| suite.client(service)),
            dir: suite.dir().to_owned(),
            topics: Topics::new(broker, &prefix),
            suite: Mutex::new(suite),
        }
    }

    fn suite(&self) -> MutexGuard<'_, Suite> {
        self.suite.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a service as a crash does.
    #[track_caller]
    pub fn kill(&self, service: ServiceName) {
        must(self.suite().kill(service));
    }

    /// Starts a service that has ended, and waits until it is ready.
    #[track_caller]
    pub fn start(&self, service: ServiceName) {
        must(self.suite().start(service));
    }

    /// Starts a service that has ended from another binary, and waits until it is ready.
    #[track_caller]
    pub fn start_as(&self, service: ServiceName, binary: &Path) {
        self.suite().set_binary(service, binary);
        self.start(service);
    }

    /// Starts a service that has ended, without waiting until it is ready.
    #[track_caller]
    pub fn spawn(&self, service: ServiceName) {
        must(self.suite().spawn(service));
    }

    /// Asks a service to end; tells how it did.
    #[track_caller]
    pub fn terminate(&self, service: ServiceName) -> ExitStatus {
        must(self.suite().terminate(service))
    }

    /// Asks a service to end and does not wait for it.
    #[track_caller]
    pub fn ask_to_end(&self, service: ServiceName) {
        let pid = Pid::from_raw(must(i32::try_from(self.pid(service))));
        must(signal::kill(pid, Signal::SIGTERM));
    }

    /// Waits until a service has ended; tells how it did.
    ///
    /// # Errors
    /// It has not ended in time.
    pub fn wait_until_ended(&self, service: ServiceName, within: Duration) -> Result<ExitStatus> {
        wait_for(&format!("the end of {service}"), within, || {
            let runs = self.suite().is_running(service)?;
            Ok(if runs { Poll::Pending("it runs".to_owned()) } else { Poll::Ready(()) })
        })?;
        self.suite().terminate(service)
    }

    /// Works while services that end are started again, as a supervisor does. Tells how often that was.
    pub fn supervised(&self, work: impl FnOnce()) -> usize {
        let supervising = AtomicBool::new(true);
        thread::scope(|scope| {
            let supervisor = scope.spawn(|| self.supervise(&supervising));
            // However the work ends, so does the supervision.
            let over = OnDrop(&supervising);
            work();
            drop(over);
            supervisor.join().expect("the supervisor ends when it is told")
        })
    }

    fn supervise(&self, supervising: &AtomicBool) -> usize {
        let mut starts = 0;
        while supervising.load(Ordering::Relaxed) {
            for service in ServiceName::all() {
                if !must(self.suite().is_running(service)) {
                    self.spawn(service);
                    starts += 1;
                }
            }
            thread::sleep(SUPERVISION);
        }
        starts
    }

    /// Freezes a service.
    #[track_caller]
    pub fn pause(&self, service: ServiceName) {
        must(self.suite().pause(service));
    }

    /// Lets a frozen service go on.
    #[track_caller]
    pub fn resume(&self, service: ServiceName) {
        must(self.suite().resume(service));
    }

    /// Fails if a service has ended.
    #[track_caller]
    pub fn all_must_run(&self) {
        must(self.suite().ensure_running());
    }

    /// The process of a service.
    #[track_caller]
    pub fn pid(&self, service: ServiceName) -> u32 {
        must(self.suite().pid(service))
    }

    /// What a service has logged so far.
    #[track_caller]
    pub fn log(&self, service: ServiceName) -> String {
        must(self.suite().log(service))
    }

    /// Ends all services in good order and looks that none has left something unpublished.
    #[track_caller]
    pub fn close(self) {
        for service in ServiceName::all() {
            let ended = self.terminate(service);
            assert!(ended.success(), "{service} ended with {ended}");
            assert_eq!(self.outbox_len(service), 0, "{service} has an outbox left");
        }
    }

    /// The URL of a service's database.
    pub fn database(&self, service: ServiceName) -> String {
        self.suite().database_url(service).to_owned()
    }

    /// How much of a service waits in its outbox.
    #[track_caller]
    pub fn outbox_len(&self, service: ServiceName) -> u64 {
        let url = self.database(service);
        must(runtime().block_on(async { EventStore::open_url(&url).await?.outbox_len().await }))
    }

    /// What the names of its topics begin with.
    pub fn topic_prefix(&self) -> &str {
        self.topics.prefix()
    }

    /// Where its data is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The topics of this suite.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }
}

/// Lowers a flag.
struct OnDrop<'f>(&'f AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// HTTP.
impl Shop {
    /// An HTTP client of a service.
    pub fn client(&self, service: ServiceName) -> &Client {
        &self.clients[service]
    }

    /// `GET`. A service that is just starting again is waited for.
    #[track_caller]
    pub fn get(&self, service: ServiceName, path: &str) -> Reply {
        let answer = || self.client(service).get(path).map_err(|error| format!("{error:#}"));
        must(wait_until(&format!("an answer to GET {path} from {service}"), PATIENCE, answer))
    }

    /// `GET`; the answer must be good.
    #[track_caller]
    pub fn look(&self, service: ServiceName, path: &str) -> Value {
        must(self.get(service, path).expect_status(200))
    }

    /// A metric of a service, all its series together; 0 when there is none yet.
    #[track_caller]
    pub fn metric(&self, service: ServiceName, name: &str) -> f64 {
        let metrics = self.look(service, "/metrics");
        let series = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let lines = metrics.as_str().unwrap_or_default().lines().filter(series);
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

/// The catalog and the stock.
impl Shop {
    /// A new product with this price and stock.
    #[track_caller]
    pub fn product(&self, price_minor: i64, on_hand: u32) -> Product {
        let sku = unused_sku();
        self.offer(&sku, price_minor);
        if on_hand > 0 {
            self.receive(&sku, on_hand);
        }
        Product { sku, price_minor, received: on_hand.into() }
    }

    /// Offers a product at this price.
    #[track_caller]
    pub fn offer(&self, sku: &str, price_minor: i64) {
        let body = json!({ "name": "Thing", "price": eur(price_minor) });
        must(must(self.client(ServiceName::Order).put(&format!("/products/{sku}"), &body)).expect_status(200));
    }

    /// Takes goods into stock.
    #[track_caller]
    pub fn receive(&self, sku: &str, quantity: u32) {
        let body = json!({ "quantity": quantity });
        must(
            must(self.client(ServiceName::Inventory).post(&format!("/stock/{sku}/receipts"), &body)).expect_status(200),
        );
    }

    /// The stock of a product; none if there never was any.
    #[track_caller]
    pub fn stock(&self, product: &Product) -> Stock {
        let reply = self.get(ServiceName::Inventory, &format!("/stock/{}", product.sku));
        if reply.status == 404 {
            return Stock { on_hand: 0, reserved: 0, shipped: 0 };
        }
        must(serde_json::from_value(must(reply.expect_status(200))))
    }
}

/// Orders.
impl Shop {
    /// Places an order that must be accepted.
    #[track_caller]
    pub fn place(&self, order: &NewOrder) -> OrderId {
        order_id(&must(self.try_place(order, &[]).and_then(|reply| reply.expect_status(202))))
    }

    /// Places an order as soon as the order service listens.
    #[track_caller]
    pub fn place_when_it_listens(&self, order: &NewOrder) -> OrderId {
        must(wait_until("the order service to listen", PATIENCE, || {
            self.client(ServiceName::Order).get("/livez").map_err(|error| format!("{error:#}"))
        }));
        self.place(order)
    }

    /// Places an order with more headers.
    ///
    /// # Errors
    /// There is no answer.
    pub fn try_place(&self, order: &NewOrder, headers: &[(&str, &str)]) -> Result<Reply> {
        self.client(ServiceName::Order).post_with("/orders", &order.body(), headers)
    }

    /// Asks for an order's cancellation; gives the status code.
    #[track_caller]
    pub fn cancel(&self, id: OrderId) -> u16 {
        must(self.client(ServiceName::Order).post(&format!("/orders/{id}/cancel"), &json!({}))).status
    }

    /// Dispatches an order's parcel; gives the status code.
    #[track_caller]
    pub fn dispatch(&self, id: OrderId) -> u16 {
        must(self.client(ServiceName::Shipping).post(&format!("/shipments/{id}/dispatch"), &json!({}))).status
    }

    /// An order as it is now.
    #[track_caller]
    pub fn order(&self, id: OrderId) -> Value {
        self.look(ServiceName::Order, &format!("/orders/{id}"))
    }

    /// An order's status.
    #[track_caller]
    pub fn status(&self, id: OrderId) -> String {
        text(&self.order(id), "status")
    }

    /// Waits until an order has one of these statuses; gives the order. Ends early when it can't come to that any more.
    #[track_caller]
    pub fn wait_for_status(&self, id: OrderId, wanted: &[&str]) -> Value {
        must(wait_for(&format!("order {id} to be {}", wanted.join(" or ")), PATIENCE, || {
            let answer = self.client(ServiceName::Order).get(&format!("/orders/{id}"));
            let order = match answer.and_then(|reply| reply.expect_status(200)) {
                Ok(order) => order,
                Err(error) => return Ok(Poll::Pending(format!("{error:#}"))),
            };
            let status = text(&order, "status");
            match status.as_str() {
                good if wanted.contains(&good) => Ok(Poll::Ready(order)),
                "cancelled" => anyhow::bail!("order {id} is {order}, not {}", wanted.join(" or ")),
                _ => Ok(Poll::Pending(order.to_string())),
            }
        }))
    }

    /// Waits until an order is confirmed.
    #[track_caller]
    pub fn wait_until_confirmed(&self, id: OrderId) {
        self.wait_for_status(id, &["confirmed"]);
    }

    /// Waits until an order is cancelled for this reason.
    #[track_caller]
    pub fn wait_until_cancelled(&self, id: OrderId, reason: &str) {
        let order = self.wait_for_status(id, &["cancelled"]);
        assert_eq!(text(&order, "reason"), reason, "{order}");
    }

    /// What a service knows of an order, as soon as it is in this status there: `/payments`, `/shipments`, `/reservations`.
    #[track_caller]
    pub fn wait_at(&self, service: ServiceName, id: OrderId, status: &str) -> Value {
        let what = match service {
            ServiceName::Order => "orders",
            ServiceName::Inventory => "reservations",
            ServiceName::Payment => "payments",
            ServiceName::Shipping => "shipments",
        };
        must(wait_until(&format!("{what} of order {id} to be {status}"), PATIENCE, || {
            let reply = self.get(service, &format!("/{what}/{id}"));
            if reply.body["status"] == status { Ok(reply.body) } else { Err(reply.body.to_string()) }
        }))
    }

    /// An order's timeline as it is answered.
    #[track_caller]
    pub fn timeline_json(&self, id: OrderId) -> Value {
        self.look(ServiceName::Order, &format!("/orders/{id}/timeline"))
    }

    /// What happened to an order so far.
    #[track_caller]
    pub fn timeline(&self, id: OrderId) -> Vec<Entry> {
        must(serde_json::from_value(self.timeline_json(id)["entries"].take()))
    }

    /// Waits until all these events have happened to an order: its timeline may be a little behind its status.
    #[track_caller]
    pub fn wait_for_events(&self, id: OrderId, events: &[&str]) -> Vec<Entry> {
        must(wait_until(&format!("events of order {id}"), PATIENCE, || {
            let entries = self.timeline(id);
            let happened = |event: &&&str| entries.iter().any(|entry| entry.event == **event);
            let missing: Vec<_> = events.iter().filter(|event| !happened(event)).collect();
            if missing.is_empty() { Ok(entries) } else { Err(format!("no {missing:?} in {entries:?}")) }
        }))
    }
}

/// The providers' own books.
impl Shop {
    /// The gateway's ledger.
    #[track_caller]
    pub fn gateway(&self) -> GatewayLedger {
        must(GatewayLedger::open(&self.dir.join("gateway.db")))
    }

    /// The carrier's ledger.
    #[track_caller]
    pub fn carrier(&self) -> CarrierLedger {
        must(CarrierLedger::open(&self.dir.join("carrier.db")))
    }

    /// What the gateway did about an order.
    #[track_caller]
    pub fn money(&self, id: OrderId) -> GatewayEntry {
        must(self.gateway().entry(id))
    }

    /// What the carrier did about an order.
    #[track_caller]
    pub fn parcel(&self, id: OrderId) -> CarrierEntry {
        must(self.carrier().entry(id))
    }

    /// An order that ships is paid once and booked once.
    #[track_caller]
    pub fn must_be_sold(&self, id: OrderId, total_minor: i64) {
        let paid = GatewayEntry { captures: 1, captured_minor: total_minor, ..GatewayEntry::default() };
        assert_eq!(self.money(id), paid, "the money of order {id}");
        let booked = CarrierEntry { bookings: 1, ..CarrierEntry::default() };
        assert_eq!(self.parcel(id), booked, "the parcel of order {id}");
    }

    /// An order that never came to anything: nobody outside did anything about it.
    #[track_caller]
    pub fn must_be_unheard_of(&self, id: OrderId) {
        assert_eq!(self.money(id), GatewayEntry::default(), "the money of order {id}");
        assert_eq!(self.parcel(id), CarrierEntry::default(), "the parcel of order {id}");
    }

    /// A cancelled order holds no money and no parcel. Orders don't wait for the carrier's word, so this does.
    #[track_caller]
    pub fn must_be_undone(&self, id: OrderId) {
        let money = self.money(id);
        assert_eq!(money.captured_minor, money.refunded_minor, "the money of order {id}: {money:?}");
        assert!(money.captures <= 1 && money.refunds <= 1, "the money of order {id}: {money:?}");
        must(wait_until(&format!("the parcel of order {id} to be called off"), PATIENCE, || {
            let parcel = self.parcel(id);
            if parcel.active() == 0 { Ok(()) } else { Err(format!("{parcel:?}")) }
        }));
    }
}

/// The order's id in an answer.
#[track_caller]
pub fn order_id(order: &Value) -> OrderId {
    must(text(order, "order_id").parse::<OrderId>())
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// A SKU that nobody else in this run uses.
pub fn unused_sku() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("SKU-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The binary of a service, where cargo put it: tests are one directory deeper.
#[track_caller]
pub fn binary(service: ServiceName) -> PathBuf {
    binary_named(service.name())
}

/// The binary of the order service from when `OrderPlaced` was at 2026-10.
#[track_caller]
pub fn previous_order_binary() -> PathBuf {
    binary_named("order-2026-10")
}

/// The operator's command.
#[track_caller]
pub fn sagactl_binary() -> PathBuf {
    binary_named("sagactl")
}

/// A service's binary with a bug; see `tests/verification/planted`.
#[track_caller]
pub fn planted_binary(name: &str) -> PathBuf {
    binary_named(name)
}

#[track_caller]
fn binary_named(name: &str) -> PathBuf {
    let program = must(std::env::current_exe());
    let path = program.ancestors().nth(2).expect("a program is in a folder").join(name);
    assert!(path.is_file(), "{} is not there; build it with `cargo build --workspace --bins`", path.display());
    path
}
