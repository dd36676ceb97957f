//! States rebuilt from the log, held against what is kept beside it.

use contracts::{CorrelationId, EventId, OrderId};
use decider::StreamId;
use e2e::{NewOrder, Shop, must};
use jiff::Timestamp;
use serde_json::Value;
use store::{AsOf, EventStore, Loaded, NewEvent, Restart, Step, Store as _, StreamWrite, Transaction, Writes};
use uuid::Uuid;
use xtask::ServiceName::{self, Inventory, Order};

/// Somebody meddles with a database: an event in the name of the service, and a status that does not follow from it.
struct Meddle(Option<StreamWrite>);

impl Transaction for Meddle {
    fn messages(&mut self) -> Vec<Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<OrderId> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, Restart> {
        Ok(Step::Write(Writes { streams: self.0.take().into_iter().collect(), ..Writes::default() }))
    }
}

/// Says that this order is cancelled, which its log does not.
async fn falsify(url: &str, order: OrderId) {
    let store = must(EventStore::open_url(url).await);
    let stream = StreamId::new("order", order);
    let stored = must(store.load(stream.clone(), AsOf::Latest).await);
    let last = stored.events.last().expect("an order has events").clone();
    let again = NewEvent {
        id: EventId(Uuid::now_v7()),
        name: "OrderConfirmed",
        schema: "2026-11",
        data: serde_json::json!({ "order_id": order }).to_string(),
        time: Timestamp::now(),
        correlation_id: CorrelationId(Uuid::now_v7()),
        causation_id: Some(last.id),
    };
    let (expected_version, trace) = (stored.version, stored.trace);
    let write = StreamWrite {
        stream,
        expected_version,
        events: vec![again],
        trace,
        status: "cancelled",
        due: None,
        is_marked_anew: true,
        snapshot: None,
    };
    must(store.transact(Meddle(Some(write))).await.1);
}

fn check(shop: &Shop, service: ServiceName, code: i32) -> Value {
    let url = shop.database(service);
    shop.operate(&["rebuild", service.name(), "--check", "--database", &url, "--output", "json"], code).json()
}

#[test]
fn all_that_is_kept_beside_the_log_is_as_the_log_says_and_what_is_not_is_found() {
    let shop = Shop::open();
    let product = shop.product(1250, 200);
    // Enough for the stock to have a snapshot.
    let orders: Vec<_> = (0..60).map(|_| shop.place(&NewOrder::of(&product, 1))).collect();
    for order in &orders {
        shop.wait_until_confirmed(*order);
    }
    let order = orders[0];
    assert_eq!(shop.cancel(orders[1]), 202);
    shop.wait_until_cancelled(orders[1], "customer");

    for service in ServiceName::all() {
        let checked = check(&shop, service, 0);
        assert!(checked["streams"].as_u64() >= Some(1) && checked["events"].as_u64() > checked["streams"].as_u64());
        assert_eq!(checked["differences"], Value::Array(vec![]), "{service} runs meanwhile");
    }
    assert_eq!(check(&shop, Inventory, 0)["snapshots"], 1);

    let stock = format!("stock-{}", product.sku);
    let url = shop.database(Inventory);
    let rebuilt = |more: &[&str]| {
        shop.ask_operator(&[&["rebuild", "inventory", "--stream", &stock, "--database", &url], more].concat())
    };
    let now = rebuilt(&[]);
    assert_eq!(now["state"]["stock"][&product.sku]["shipped"], 59, "{now}");
    assert_eq!(rebuilt(&["--at", "1"])["state"]["stock"][&product.sku]["on_hand"], 200);

    let url = shop.database(Order);
    must(tokio::runtime::Runtime::new()).block_on(falsify(&url, order));
    let checked = check(&shop, Order, 1);
    let [difference] = checked["differences"].as_array().expect("a list").as_slice() else { panic!("{checked}") };
    assert_eq!(difference["stream"], format!("order-{order}"));
    let told = difference["difference"].as_str().expect("words");
    assert_eq!(told, "the status is kept as cancelled, the log says confirmed");
    let name = format!("order-{order}");
    let one = shop.operate(&["rebuild", "order", "--stream", &name, "--database", &url], 1);
    assert!(one.stdout.contains("differs: the status is kept as cancelled"), "{one:?}");

    shop.terminate(Order);
    assert_eq!(check(&shop, Order, 1), checked, "nobody need run for that");
    let missing = shop.operate(&["rebuild", "order", "--check", "--database", "sqlite:nowhere/order.db"], 1);
    assert!(missing.stderr.contains("can't be opened"), "{missing:?}");
}
