//! Sample data: a hundred products, orders for them, and a database.

use contracts::{
    CorrelationId, Event, EventId, Meta, Money, OrderId, Received, Sku,
    inventory::StockCommitted,
    order::{Address, OrderEvent, OrderLine, OrderPlaced},
};
use decider::Service as _;
use inventory::decider::Inventory;
use jiff::{Timestamp, ToSpan as _};
use order::decider::{PlaceOrder, Product};
use runtime::Cause;
use store::{EventStore, SqliteStore};
use tempfile::TempDir;
use uuid::Uuid;

/// Products in the catalog and in stock.
pub(crate) const PRODUCTS: usize = 100;
/// Units of each product; more than are ever ordered.
const UNITS: u32 = 1_000_000;
const PRICE: Money = Money::eur(1250);

/// A database file, as durable as in production: every commit waits for the disk.
pub(crate) struct BenchDatabase {
    store: EventStore,
    _folder: TempDir,
}

impl BenchDatabase {
    pub(crate) fn new() -> Self {
        // Not in the system's temporary folder, which may be in memory.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let store = SqliteStore::open(&folder.path().join("micro.db")).expect("opens");
        Self { store: EventStore::Sqlite(store), _folder: folder }
    }

    pub(crate) fn store(&self) -> EventStore {
        self.store.clone()
    }
}

pub(crate) fn sku(product: usize) -> Sku {
    format!("PRODUCT-{product:03}").parse().expect("a SKU")
}

/// Lists a product.
pub(crate) fn list(product: usize) -> (Cause, order::decider::Command) {
    let product = Product { sku: sku(product), name: format!("Product {product}"), price: PRICE };
    (Cause::default(), order::decider::Command::ListProduct(product))
}

/// Receives goods.
pub(crate) fn receive(product: usize) -> (Cause, inventory::decider::Command) {
    (
        Cause::default(),
        inventory::decider::Command::Receive { receipt_id: Uuid::now_v7(), sku: sku(product), quantity: UNITS },
    )
}

/// Places the order with this number, as by HTTP.
pub(crate) fn place(number: usize) -> (Cause, order::decider::Command) {
    let OrderPlaced { order_id, customer, lines, payment_method, address, placed_at, deadline, .. } =
        placed(&products(number));
    let lines = lines.into_iter().map(|line| (line.sku, line.quantity)).collect();
    let order = PlaceOrder { order_id, customer, lines, payment_method, address, placed_at, deadline };
    (Cause::default(), order::decider::Command::Place(Box::new(order)))
}

/// `OrderPlaced` for the order with this number.
pub(crate) fn order_placed(number: usize) -> Received {
    received(Event::Order(OrderEvent::from(placed(&products(number)))))
}

/// `StockCommitted` for a random order.
pub(crate) fn stock_committed() -> Received {
    received(Event::Inventory(StockCommitted { order_id: OrderId(Uuid::now_v7()) }.into()))
}

/// Inventory's command that follows from an order of these products.
pub(crate) fn reserve(products: &[usize]) -> (Cause, inventory::decider::Command) {
    let received = received(Event::Order(placed(products).into()));
    let command = Inventory::react(&received.meta, received.event.data()).expect("inventory reserves");
    let Meta { id, correlation_id, hops, .. } = received.meta;
    let cause = Cause { correlation_id: Some(correlation_id), event_id: Some(id), hops: hops + 1, ..Cause::default() };
    (cause, command)
}

/// The two products of the order with this number.
pub(crate) fn products(number: usize) -> [usize; 2] {
    let first = number % PRODUCTS;
    [first, (first + PRODUCTS / 2) % PRODUCTS]
}

fn placed(products: &[usize]) -> OrderPlaced {
    let placed_at = Timestamp::now();
    OrderPlaced {
        order_id: OrderId(Uuid::now_v7()),
        customer: "ada".into(),
        lines: products
            .iter()
            .map(|product| OrderLine { sku: sku(*product), quantity: 1, unit_price: PRICE })
            .collect(),
        total: Money::sum(products.iter().map(|_| PRICE)).expect("little"),
        payment_method: "tok_4242424242424242".into(),
        address: Address {
            name: "Ada Lovelace".into(),
            street: "12 Analytical Way".into(),
            city: "London".into(),
            postal_code: "N1 7AA".into(),
            country: "GB".into(),
        },
        placed_at,
        deadline: placed_at + 1.minute(),
    }
}

fn received(event: Event) -> Received {
    let meta = Meta {
        id: EventId(Uuid::now_v7()),
        event_type: event.event_type(),
        subject: event.subject(),
        // Whole microseconds, as stored and published.
        time: Timestamp::from_microsecond(Timestamp::now().as_microsecond()).expect("valid time"),
        correlation_id: CorrelationId(Uuid::now_v7()),
        causation_id: None,
        hops: 0,
        sequence: None,
        replay: None,
    };
    Received { meta, event }
}
