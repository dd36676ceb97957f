//! Earlier states with `?at=`.

use catalog::ServiceName;
use e2e::NewOrder;
use serde_json::{Value, json};

use super::expect_problem;
use crate::cluster;

/// Statuses of a successful order, in order.
const RANKS: [&str; 5] = ["placed", "stock_reserved", "paid", "stock_committed", "confirmed"];

fn rank(order: &Value) -> usize {
    RANKS.iter().position(|status| order["status"] == *status).unwrap_or_else(|| panic!("unexpected status in {order}"))
}

#[test]
fn order_is_rebuilt_at_each_version() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 2));
    cluster().wait_until_confirmed(id);
    cluster().wait_for_events(id, &["StockReserved", "PaymentCaptured", "StockCommitted", "ShipmentScheduled"]);
    // The order's own two events and four facts of others, whose order varies.
    let versions: Vec<_> =
        (1..=6).map(|version| cluster().get_ok(ServiceName::Order, &format!("/orders/{id}?at={version}"))).collect();
    let ranks: Vec<_> = versions.iter().map(rank).collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    assert_eq!((ranks[0], ranks[5]), (0, 4), "versions go from placed to confirmed: {ranks:?}");
    assert!(ranks.iter().filter(|rank| **rank == 4).count() <= 4, "{ranks:?}");
    assert_eq!(versions[5], cluster().order(id));
    assert_eq!(
        cluster().get_ok(ServiceName::Order, &format!("/orders/{id}?at=1000")),
        cluster().order(id),
        "a version beyond the last returns the current state"
    );
    expect_problem(&cluster().get(ServiceName::Order, &format!("/orders/{id}?at=0")), 404);
}

#[test]
fn order_is_rebuilt_at_a_time() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 2));
    cluster().wait_until_confirmed(id);
    assert_eq!(cluster().cancel(id), 202);
    cluster().wait_until_cancelled(id, "customer");
    let entries = cluster().timeline(id);
    let at = |event: &str| {
        let entry = entries.iter().find(|entry| entry.event == event).expect("the event is in the timeline");
        cluster().get_ok(ServiceName::Order, &format!("/orders/{id}?at={}", entry.time))
    };
    assert_eq!(at("OrderPlaced")["status"], "placed");
    assert_eq!(at("OrderConfirmed")["status"], "confirmed");
    assert_eq!(at("OrderConfirmed")["reason"], Value::Null, "the later cancellation is not visible");
    assert_eq!(at("OrderCancellationRequested")["status"], "cancelling");
    assert_eq!(at("OrderCancelled")["status"], "cancelled");
    expect_problem(&cluster().get(ServiceName::Order, &format!("/orders/{id}?at=2001-01-01T00:00:00Z")), 404);
    let later = cluster().get_ok(ServiceName::Order, &format!("/orders/{id}?at=2999-01-01T00:00:00%2B01:00"));
    assert_eq!(later, cluster().order(id));
}

#[test]
fn order_is_rebuilt_after_an_event() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 2));
    cluster().wait_until_confirmed(id);
    assert_eq!(cluster().cancel(id), 202);
    cluster().wait_until_cancelled(id, "customer");
    let records = cluster().topics().read(&["order.events"]);
    let path = |event: &str| format!("/orders/{id}?at={event}");
    let after = |event: &str| {
        let record = records.wait_for_event(&id.to_string(), event);
        cluster().get_ok(ServiceName::Order, &path(record.header("ce_id").expect("an event has an id")))
    };
    assert_eq!(after("OrderPlaced"), cluster().get_ok(ServiceName::Order, &path("1")));
    assert_eq!(after("OrderConfirmed")["status"], "confirmed");
    assert_eq!(after("OrderConfirmed")["reason"], Value::Null, "the later cancellation is not visible");
    assert_eq!(after("OrderCancellationRequested")["status"], "cancelling");
    assert_eq!(after("OrderCancelled"), cluster().order(id));
    let other = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 1));
    let event = records.wait_for_event(&other.to_string(), "OrderPlaced");
    let event = event.header("ce_id").expect("an event has an id");
    expect_problem(&cluster().get(ServiceName::Order, &path(event)), 404);
    let errors = expect_problem(&cluster().get(ServiceName::Order, &path("yesterday")), 422);
    assert_eq!(errors, ["at"]);
}

#[test]
fn stock_is_rebuilt_at_each_version() {
    let product = cluster().product(1250, 5);
    let id = cluster().place(&NewOrder::of(&product, 2));
    cluster().wait_until_confirmed(id);
    assert_eq!(cluster().cancel(id), 202);
    cluster().wait_until_cancelled(id, "customer");
    let at = |version: u32| {
        let stock = cluster().get_ok(ServiceName::Inventory, &format!("/stock/{}?at={version}", product.sku));
        json!([stock["on_hand"], stock["reserved"], stock["shipped"]])
    };
    // Received, reserved, committed, restocked.
    assert_eq!([1, 2, 3, 4].map(at), [json!([5, 0, 0]), json!([3, 2, 0]), json!([3, 0, 2]), json!([5, 0, 0])]);
}

#[test]
fn long_history_is_rebuilt_at_each_version() {
    // Long enough for two snapshots.
    let product = cluster().product(1250, 1);
    for _ in 1..210 {
        cluster().receive_stock(&product.sku, 1);
    }
    for version in [1, 99, 100, 101, 199, 200, 201, 210] {
        let stock = cluster().get_ok(ServiceName::Inventory, &format!("/stock/{}?at={version}", product.sku));
        assert_eq!(stock["on_hand"], version);
    }
}

#[test]
fn participants_are_rebuilt_at_their_first_version() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 2));
    cluster().wait_until_confirmed(id);
    let first = |service, what: &str| cluster().get_ok(service, &format!("/{what}/{id}?at=1"))["status"].clone();
    assert_eq!(first(ServiceName::Payment, "payments"), "waiting");
    assert_eq!(first(ServiceName::Shipping, "shipments"), "waiting");
    assert_eq!(first(ServiceName::Inventory, "reservations"), "held");
}
