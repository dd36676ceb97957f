//! `?at=`: how things were.

use e2e::NewOrder;
use serde_json::{Value, json};
use xtask::ServiceName;

use super::problem;
use crate::shop;

/// How far an order is, by its status.
const RANKS: [&str; 5] = ["placed", "stock_reserved", "paid", "stock_committed", "confirmed"];

fn rank(order: &Value) -> usize {
    RANKS.iter().position(|status| order["status"] == *status).unwrap_or_else(|| panic!("the status in {order}"))
}

#[test]
fn an_order_is_shown_as_it_was_at_each_version() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 2));
    shop().wait_until_confirmed(id);
    shop().wait_for_events(id, &["StockReserved", "PaymentCaptured", "StockCommitted", "ShipmentScheduled"]);
    // The order's own two events, and the four that it heard of, in whichever order.
    let versions: Vec<_> =
        (1..=6).map(|version| shop().look(ServiceName::Order, &format!("/orders/{id}?at={version}"))).collect();
    let ranks: Vec<_> = versions.iter().map(rank).collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    assert_eq!((ranks[0], ranks[5]), (0, 4), "from placed to confirmed: {ranks:?}");
    assert!(ranks.iter().filter(|rank| **rank == 4).count() <= 4, "{ranks:?}");
    assert_eq!(versions[5], shop().order(id));
    assert_eq!(
        shop().look(ServiceName::Order, &format!("/orders/{id}?at=1000")),
        shop().order(id),
        "there is no later one"
    );
    problem(&shop().get(ServiceName::Order, &format!("/orders/{id}?at=0")), 404);
}

#[test]
fn an_order_is_shown_as_it_was_at_a_time() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 2));
    shop().wait_until_confirmed(id);
    assert_eq!(shop().cancel(id), 202);
    shop().wait_until_cancelled(id, "customer");
    let entries = shop().timeline(id);
    let at = |event: &str| {
        let entry = entries.iter().find(|entry| entry.event == event).expect("it happened");
        shop().look(ServiceName::Order, &format!("/orders/{id}?at={}", entry.time))
    };
    assert_eq!(at("OrderPlaced")["status"], "placed");
    assert_eq!(at("OrderConfirmed")["status"], "confirmed");
    assert_eq!(at("OrderConfirmed")["reason"], Value::Null, "nobody knew yet that it would be cancelled");
    assert_eq!(at("OrderCancellationRequested")["status"], "cancelling");
    assert_eq!(at("OrderCancelled")["status"], "cancelled");
    problem(&shop().get(ServiceName::Order, &format!("/orders/{id}?at=2001-01-01T00:00:00Z")), 404);
    let later = shop().look(ServiceName::Order, &format!("/orders/{id}?at=2999-01-01T00:00:00%2B01:00"));
    assert_eq!(later, shop().order(id));
}

#[test]
fn stock_is_shown_as_it_was() {
    let product = shop().product(1250, 5);
    let id = shop().place(&NewOrder::of(&product, 2));
    shop().wait_until_confirmed(id);
    assert_eq!(shop().cancel(id), 202);
    shop().wait_until_cancelled(id, "customer");
    let at = |version: u32| {
        let stock = shop().look(ServiceName::Inventory, &format!("/stock/{}?at={version}", product.sku));
        json!([stock["on_hand"], stock["reserved"], stock["shipped"]])
    };
    // Received, reserved, committed, restocked.
    assert_eq!([1, 2, 3, 4].map(at), [json!([5, 0, 0]), json!([3, 2, 0]), json!([3, 0, 2]), json!([5, 0, 0])]);
}

#[test]
fn a_long_history_is_shown_as_it_was_at_each_version() {
    // Longer than two snapshots.
    let product = shop().product(1250, 1);
    for _ in 1..210 {
        shop().receive(&product.sku, 1);
    }
    for version in [1, 99, 100, 101, 199, 200, 201, 210] {
        let stock = shop().look(ServiceName::Inventory, &format!("/stock/{}?at={version}", product.sku));
        assert_eq!(stock["on_hand"], version);
    }
}

#[test]
fn payments_shipments_and_reservations_are_shown_as_they_were() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 2));
    shop().wait_until_confirmed(id);
    let first = |service, what: &str| shop().look(service, &format!("/{what}/{id}?at=1"))["status"].clone();
    assert_eq!(first(ServiceName::Payment, "payments"), "waiting");
    assert_eq!(first(ServiceName::Shipping, "shipments"), "waiting");
    assert_eq!(first(ServiceName::Inventory, "reservations"), "held");
}
