//! What is measured with: a shop of a hundred products, its orders, and a database of its own.

use contracts::{
    CorrelationId, Event, EventId, Meta, Money, OrderId, Received, Sku,
    inventory::StockCommitted,
    order::{Address, OrderEvent, OrderLine, OrderPlaced},
};
use decider::Service as _;
use inventory::decider::Inventory;
use jiff::{Timestamp, ToSpan as _};
use order::decider::{Placement, Product};
use runtime::Cause;
use store::{EventStore, SqliteStore};
use tempfile::TempDir;
use uuid::Uuid;

/// In the catalog, and in stock.
pub(crate) const PRODUCTS: usize = 100;
/// Units of each product: more than are ever ordered.
const UNITS: u32 = 1_000_000;
const PRICE: Money = Money::eur(1250);

/// A database in a file, durable as in production: every commit waits for the disk.
pub(crate) struct Database {
    store: EventStore,
    _folder: TempDir,
}

impl Database {
    pub(crate) fn new() -> Self {
        // Not in the system's folder for what is temporary, which may be in memory.
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

/// The shop lists a product.
pub(crate) fn list(product: usize) -> (Cause, order::decider::Command) {
    let product = Product { sku: sku(product), name: format!("Product {product}"), price: PRICE };
    (Cause::default(), order::decider::Command::ListProduct(product))
}

/// Goods arrive.
pub(crate) fn receive(product: usize) -> (Cause, inventory::decider::Command) {
    (Cause::default(), inventory::decider::Command::Receive { sku: sku(product), quantity: UNITS })
}

/// A customer orders: the order of this number, by HTTP.
pub(crate) fn place(number: usize) -> (Cause, order::decider::Command) {
    let OrderPlaced { order_id, customer, lines, payment_method, address, placed_at, deadline, .. } =
        placed(&products(number));
    let lines = lines.into_iter().map(|line| (line.sku, line.quantity)).collect();
    let placement = Placement { order_id, customer, lines, payment_method, address, placed_at, deadline };
    (Cause::default(), order::decider::Command::Place(Box::new(placement)))
}

/// The order of this number was placed.
pub(crate) fn order_placed(number: usize) -> Received {
    received(Event::Order(OrderEvent::from(placed(&products(number)))))
}

/// The stock of some order left.
pub(crate) fn stock_committed() -> Received {
    received(Event::Inventory(StockCommitted { order_id: OrderId(Uuid::now_v7()) }.into()))
}

/// The inventory hears that these products were ordered.
pub(crate) fn reserve(products: &[usize]) -> (Cause, inventory::decider::Command) {
    let received = received(Event::Order(placed(products).into()));
    let Meta { id, correlation_id, hops, .. } = received.meta;
    let cause = Cause { correlation_id: Some(correlation_id), event_id: Some(id), hops: hops + 1, ..Cause::default() };
    (cause, Inventory::react(&received).expect("it reserves"))
}

/// The two products that an order of this number is for.
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
        order_id: event.order_id(),
        // As it is stored and published: in whole microseconds.
        time: Timestamp::from_microsecond(Timestamp::now().as_microsecond()).expect("it is now"),
        correlation_id: CorrelationId(Uuid::now_v7()),
        causation_id: None,
        hops: 0,
    };
    Received { meta, event }
}
