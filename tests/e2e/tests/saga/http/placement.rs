//! Placing orders: durable when accepted, idempotent, priced by the catalog.

use std::thread;

use catalog::ServiceName;
use contracts::OrderId;
use e2e::{NewOrder, TestProduct, eur, order_id};
use serde_json::{Value, json};
use uuid::Uuid;
use xtask::Reply;

use super::expect_problem;
use crate::cluster;

#[track_caller]
fn place_with_key(order: &NewOrder, key: &str) -> Reply {
    cluster().try_place(order, &[("idempotency-key", key)]).expect("the order service replies")
}

#[track_caller]
fn id_of(reply: Reply) -> OrderId {
    order_id(&reply.expect_status(202).expect("the order is accepted"))
}

#[test]
fn accepted_order_is_readable_at_its_location() {
    let order = NewOrder::of(&cluster().product(1250, 5), 2);
    let reply = cluster().try_place(&order, &[]).unwrap();
    assert_eq!(reply.status, 202, "{reply:?}");
    let id = order_id(&reply.body);
    assert_eq!(reply.header("location"), Some(format!("/orders/{id}").as_str()));
    assert!(reply.header("x-correlation-id").is_some_and(|id| id.parse::<Uuid>().is_ok()), "{reply:?}");
    let found = cluster().get_ok(ServiceName::Order, reply.header("location").unwrap());
    for field in ["order_id", "customer", "lines", "total", "address", "placed_at", "deadline"] {
        assert_eq!(found[field], reply.body[field], "{field}");
    }
    assert_eq!(found["total"], eur(2500));
}

#[test]
fn repeated_idempotency_key_places_one_order() {
    let order = NewOrder::of(&cluster().product(1250, 50), 2);
    let key = Uuid::now_v7().to_string();
    let first = place_with_key(&order, &key);
    let again = place_with_key(&order, &key);
    assert_eq!(first.header("x-correlation-id"), again.header("x-correlation-id"));
    let id = id_of(first);
    assert_eq!(id, id_of(again));
    cluster().wait_until_confirmed(id);
    let late = place_with_key(&order, &key);
    assert_eq!(late.body["status"], "confirmed", "{late:?}");
    assert_eq!(id, id_of(late));
    cluster().assert_paid_and_booked(id, 2500);
}

#[test]
fn idempotency_key_is_rejected_for_another_order() {
    let product = cluster().product(1250, 50);
    let key = Uuid::now_v7().to_string();
    let id = id_of(place_with_key(&NewOrder::of(&product, 2), &key));
    let other = place_with_key(&NewOrder::of(&product, 3), &key);
    assert_eq!(expect_problem(&other, 422), ["Idempotency-Key"]);
    cluster().wait_until_confirmed(id);
    assert_eq!(cluster().stock(&product), product.stock(0, 2));
}

#[test]
fn different_keys_place_different_orders() {
    let order = NewOrder::of(&cluster().product(1250, 50), 2);
    let ids = [0; 2].map(|_| id_of(place_with_key(&order, &Uuid::now_v7().to_string())));
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn concurrent_requests_with_one_key_place_one_order() {
    let product = cluster().product(1250, 50);
    let order = NewOrder::of(&product, 2);
    let key = Uuid::now_v7().to_string();
    let ids: Vec<_> = thread::scope(|scope| {
        let requests: Vec<_> = (0..12).map(|_| scope.spawn(|| id_of(place_with_key(&order, &key)))).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    cluster().wait_until_confirmed(ids[0]);
    assert_eq!(cluster().stock(&product), product.stock(0, 2));
    let topic = cluster().topics().read(&["order.events"]);
    let key = ids[0].to_string();
    topic.wait_for_event(&key, "OrderConfirmed");
    assert_eq!(topic.about(&key).iter().filter(|record| record.event() == Some("OrderPlaced")).count(), 1);
}

#[test]
fn price_changes_apply_to_later_orders_only() {
    let product = cluster().product(1250, 50);
    let key = Uuid::now_v7().to_string();
    let before = id_of(place_with_key(&NewOrder::of(&product, 2), &key));
    cluster().set_price(&product.sku, 2000);
    let after = cluster().place(&NewOrder::of(&product, 2));
    let same = id_of(place_with_key(&NewOrder::of(&product, 2), &key));
    assert_eq!(same, before, "the key finds the first order despite the new price");
    for (id, total_minor) in [(before, 2500), (after, 4000)] {
        cluster().wait_until_confirmed(id);
        assert_eq!(cluster().order(id)["total"], eur(total_minor));
        cluster().assert_paid_and_booked(id, total_minor);
    }
}

#[test]
fn free_products_are_sold() {
    let product = cluster().product(0, 5);
    let id = cluster().place(&NewOrder::of(&product, 2));
    cluster().wait_until_confirmed(id);
    cluster().assert_paid_and_booked(id, 0);
}

/// Posts a receipt; returns the units on hand.
#[track_caller]
fn receive(product: &TestProduct, quantity: u32, key: &str) -> Value {
    let (path, body) = (format!("/stock/{}/receipts", product.sku), json!({ "quantity": quantity }));
    let reply = cluster().client(ServiceName::Inventory).post_with(&path, &body, &[("idempotency-key", key)]);
    let stock = reply.and_then(|reply| reply.expect_status(200)).expect("the receipt is accepted");
    stock["on_hand"].clone()
}

#[test]
fn repeated_receipt_key_counts_once() {
    let product = cluster().product(1250, 10);
    let key = Uuid::now_v7().to_string();
    assert_eq!([(); 3].map(|()| receive(&product, 5, &key)), [15, 15, 15]);
    assert_eq!(receive(&product, 5, &Uuid::now_v7().to_string()), 20);
}

#[test]
fn receipt_is_refused_when_its_key_has_another_quantity() {
    let product = cluster().product(1250, 10);
    let key = Uuid::now_v7().to_string();
    assert_eq!(receive(&product, 5, &key), 15);
    let (path, body) = (format!("/stock/{}/receipts", product.sku), json!({ "quantity": 6 }));
    let reply = cluster().client(ServiceName::Inventory).post_with(&path, &body, &[("idempotency-key", &key)]);
    assert_eq!(expect_problem(&reply.expect("inventory replies"), 422), ["Idempotency-Key"]);
    assert_eq!(cluster().stock(&product).on_hand, 15);
    assert_eq!(receive(&product, 5, &key), 15, "the key still finds its receipt");
}

#[test]
fn receipt_keys_are_scoped_to_a_product() {
    let key = Uuid::now_v7().to_string();
    assert_eq!(receive(&cluster().product(1250, 10), 5, &key), 15);
    assert_eq!(receive(&cluster().product(1250, 1), 5, &key), 6);
}
