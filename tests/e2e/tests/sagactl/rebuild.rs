//! States rebuilt from the event log, and checks of the log against the tables beside it.

use catalog::ServiceName::{self, Inventory, Order};
use contracts::{CorrelationId, EventId, OrderId};
use decider::StreamId;
use e2e::{NewOrder, TestCluster};
use jiff::Timestamp;
use serde_json::Value;
use store::{AsOf, EventStore, Loaded, Restart, Step, Store as _, StoredEvent, StreamWrite, Transaction, Writes};
use uuid::Uuid;

/// A write to a service's database from outside: an event, and a status that contradicts it.
struct Tampering(Option<StreamWrite>);

impl Transaction for Tampering {
    fn begin(&mut self) {}

    fn messages(&self) -> Vec<Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<String> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, Restart> {
        Ok(Step::Write(Writes { streams: self.0.take().into_iter().collect(), ..Writes::default() }))
    }
}

/// Stores the status "cancelled" for an order whose log does not contain a cancellation.
async fn falsify_status(url: &str, order: OrderId) {
    let store = EventStore::open_url(url).await.expect("the database opens");
    let stream = StreamId::new("order", order);
    let stored = store.load(stream.clone(), AsOf::Latest).await.expect("the order exists");
    let last = stored.events.last().expect("an order has events").clone();
    let duplicate = StoredEvent {
        version: stored.version + 1,
        id: EventId(Uuid::now_v7()),
        name: "OrderConfirmed".into(),
        schema: "2026-11".into(),
        data: serde_json::json!({ "order_id": order }).to_string(),
        time: Timestamp::now(),
        correlation_id: CorrelationId(Uuid::now_v7()),
        causation_id: Some(last.id),
        publication: None,
    };
    let write = StreamWrite {
        stream,
        is_new: false,
        expected_version: stored.version,
        events: vec![duplicate],
        head: stored.head.expect("the order exists"),
        status: "cancelled",
        due: None,
        metadata_changed: true,
        snapshot: None,
    };
    store.transact(Tampering(Some(write))).await.1.expect("the write succeeds");
}

#[track_caller]
fn check(cluster: &TestCluster, service: ServiceName, code: i32) -> Value {
    let url = cluster.database_url(service);
    let arguments = ["rebuild", service.name(), "--check", "--database", &url, "--output", "json"];
    cluster.sagactl_exits_with(code, &arguments).json()
}

#[test]
fn rebuild_check_finds_no_drift_in_running_services() {
    let cluster = TestCluster::launch();
    let product = cluster.product(1250, 200);
    // Enough for a snapshot of the stock.
    let orders: Vec<_> = (0..60).map(|_| cluster.place(&NewOrder::of(&product, 1))).collect();
    for order in &orders {
        cluster.wait_until_confirmed(*order);
    }
    assert_eq!(cluster.cancel(orders[1]), 202);
    cluster.wait_until_cancelled(orders[1], "customer");

    for service in ServiceName::all() {
        let checked = check(&cluster, service, 0);
        assert!(checked["streams"].as_u64() >= Some(1) && checked["events"].as_u64() > checked["streams"].as_u64());
        assert_eq!(checked["differences"], Value::Array(vec![]), "{service} has no drift");
    }
    assert_eq!(check(&cluster, Inventory, 0)["snapshots"], 1);

    let stock = format!("stock-{}", product.sku);
    let url = cluster.database_url(Inventory);
    let rebuilt = |more: &[&str]| {
        cluster.sagactl_json(&[&["rebuild", "inventory", "--stream", &stock, "--database", &url], more].concat())
    };
    let now = rebuilt(&[]);
    assert_eq!(now["state"]["stock"][&product.sku]["shipped"], 59, "{now}");
    assert_eq!(rebuilt(&["--at", "1"])["state"]["stock"][&product.sku]["on_hand"], 200);
}

#[test]
fn stream_is_rebuilt_after_an_event() {
    let cluster = TestCluster::launch();
    let order = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 1));
    cluster.wait_until_confirmed(order);
    let records = cluster.topics().read(&["order.events"]);
    let (url, stream) = (cluster.database_url(Order), format!("order-{order}"));
    let rebuild = ["rebuild", "order", "--stream", &stream, "--database", &url, "--at"];
    let after = |event: &str| {
        let record = records.wait_for_event(&order.to_string(), event);
        let id = record.header("ce_id").expect("an event has an id").to_owned();
        cluster.sagactl_json(&[&rebuild[..], &[&id]].concat())
    };
    let placed = after("OrderPlaced");
    assert_eq!((&placed["version"], &placed["status"]), (&1.into(), &"placed".into()), "{placed}");
    assert_eq!(after("OrderConfirmed")["status"], "confirmed");
    let unknown = [&rebuild[..], &["01900000-0000-7000-8000-000000000000"]].concat();
    let unknown = cluster.sagactl_exits_with(1, &unknown);
    assert!(unknown.stderr.contains("did not exist at that point"), "{unknown:?}");
}

#[test]
fn rebuild_check_finds_drift_from_the_log() {
    let cluster = TestCluster::launch();
    let order = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 1));
    cluster.wait_until_confirmed(order);
    // No later fact may change the stream while the test writes to it.
    cluster.wait_for_events(order, &["StockReserved", "PaymentCaptured", "StockCommitted", "ShipmentScheduled"]);
    let (url, stream) = (cluster.database_url(Order), format!("order-{order}"));
    tokio::runtime::Runtime::new().unwrap().block_on(falsify_status(&url, order));

    let checked = check(&cluster, Order, 1);
    let [difference] = checked["differences"].as_array().expect("a list").as_slice() else { panic!("{checked}") };
    assert_eq!(difference["stream"], stream);
    assert_eq!(difference["difference"], "status is cancelled, the log yields confirmed");
    let one = cluster.sagactl_exits_with(1, &["rebuild", "order", "--stream", &stream, "--database", &url]);
    assert!(one.stdout.contains("difference: status is cancelled"), "{one:?}");

    cluster.terminate(Order);
    assert_eq!(check(&cluster, Order, 1), checked, "the check does not need a running service");
    let arguments = ["rebuild", "order", "--check", "--database", "sqlite:nowhere/order.db"];
    let missing = cluster.sagactl_exits_with(1, &arguments);
    assert!(missing.stderr.contains("failed to open the database"), "{missing:?}");
}
