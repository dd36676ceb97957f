//! Placing an order: answered once it is safe, placed once however often it is sent, priced by the catalog.

use std::thread;

use contracts::OrderId;
use e2e::{NewOrder, eur, must, order_id};
use serde_json::json;
use uuid::Uuid;
use xtask::{Reply, ServiceName};

use super::problem;
use crate::shop;

#[track_caller]
fn place_with_key(order: &NewOrder, key: &str) -> Reply {
    must(shop().try_place(order, &[("idempotency-key", key)]))
}

#[track_caller]
fn id_of(reply: Reply) -> OrderId {
    order_id(&must(reply.expect_status(202)))
}

#[test]
fn an_accepted_order_says_where_it_is() {
    let order = NewOrder::of(&shop().product(1250, 5), 2);
    let reply = shop().try_place(&order, &[]).unwrap();
    assert_eq!(reply.status, 202, "{reply:?}");
    let id = order_id(&reply.body);
    assert_eq!(reply.header("location"), Some(format!("/orders/{id}").as_str()));
    assert!(reply.header("x-correlation-id").is_some_and(|id| id.parse::<Uuid>().is_ok()), "{reply:?}");
    let found = shop().look(ServiceName::Order, reply.header("location").unwrap());
    for field in ["order_id", "customer", "lines", "total", "address", "placed_at", "deadline"] {
        assert_eq!(found[field], reply.body[field], "{field}");
    }
    assert_eq!(found["total"], eur(2500));
}

#[test]
fn the_same_key_places_one_order() {
    let order = NewOrder::of(&shop().product(1250, 50), 2);
    let key = Uuid::now_v7().to_string();
    let first = place_with_key(&order, &key);
    let again = place_with_key(&order, &key);
    assert_eq!(first.header("x-correlation-id"), again.header("x-correlation-id"));
    let id = id_of(first);
    assert_eq!(id, id_of(again));
    shop().wait_until_confirmed(id);
    let late = place_with_key(&order, &key);
    assert_eq!(late.body["status"], "confirmed", "{late:?}");
    assert_eq!(id, id_of(late));
    shop().must_be_sold(id, 2500);
}

#[test]
fn another_order_with_the_same_key_is_refused() {
    let product = shop().product(1250, 50);
    let key = Uuid::now_v7().to_string();
    let id = id_of(place_with_key(&NewOrder::of(&product, 2), &key));
    let other = place_with_key(&NewOrder::of(&product, 3), &key);
    assert_eq!(problem(&other, 422), ["Idempotency-Key"]);
    shop().wait_until_confirmed(id);
    assert_eq!(shop().stock(&product), product.stock(0, 2));
}

#[test]
fn another_key_places_another_order() {
    let order = NewOrder::of(&shop().product(1250, 50), 2);
    let ids = [0; 2].map(|_| id_of(place_with_key(&order, &Uuid::now_v7().to_string())));
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn requests_with_one_key_at_the_same_time_place_one_order() {
    let product = shop().product(1250, 50);
    let order = NewOrder::of(&product, 2);
    let key = Uuid::now_v7().to_string();
    let ids: Vec<_> = thread::scope(|scope| {
        let requests: Vec<_> = (0..12).map(|_| scope.spawn(|| id_of(place_with_key(&order, &key)))).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    shop().wait_until_confirmed(ids[0]);
    assert_eq!(shop().stock(&product), product.stock(0, 2));
    let topic = shop().topics().read(&["order.events"]);
    let key = ids[0].to_string();
    topic.wait_for_one(&key, "OrderConfirmed", |record| record.event() == Some("OrderConfirmed"));
    assert_eq!(topic.about(&key).iter().filter(|record| record.event() == Some("OrderPlaced")).count(), 1);
}

#[test]
fn a_later_price_is_for_later_orders() {
    let product = shop().product(1250, 50);
    let key = Uuid::now_v7().to_string();
    let before = id_of(place_with_key(&NewOrder::of(&product, 2), &key));
    shop().offer(&product.sku, 2000);
    let after = shop().place(&NewOrder::of(&product, 2));
    let same = id_of(place_with_key(&NewOrder::of(&product, 2), &key));
    assert_eq!(same, before, "the same request as before, although the price is another");
    for (id, total_minor) in [(before, 2500), (after, 4000)] {
        shop().wait_until_confirmed(id);
        assert_eq!(shop().order(id)["total"], eur(total_minor));
        shop().must_be_sold(id, total_minor);
    }
}

#[test]
fn what_costs_nothing_is_sold_too() {
    let product = shop().product(0, 5);
    let id = shop().place(&NewOrder::of(&product, 2));
    shop().wait_until_confirmed(id);
    shop().must_be_sold(id, 0);
}

#[test]
fn a_receipt_with_a_key_counts_once() {
    let product = shop().product(1250, 10);
    let path = format!("/stock/{}/receipts", product.sku);
    let receive = |key: &str, quantity: u32| {
        let body = json!({ "quantity": quantity });
        let reply = shop().client(ServiceName::Inventory).post_with(&path, &body, &[("idempotency-key", key)]);
        reply.unwrap().expect_status(200).unwrap()["on_hand"].clone()
    };
    let key = Uuid::now_v7().to_string();
    assert_eq!([receive(&key, 5), receive(&key, 5), receive(&key, 5)], [15, 15, 15]);
    assert_eq!(receive(&Uuid::now_v7().to_string(), 5), 20);
    // The key is for this product.
    let other = shop().product(1250, 1);
    let path = format!("/stock/{}/receipts", other.sku);
    let reply =
        shop().client(ServiceName::Inventory).post_with(&path, &json!({ "quantity": 5 }), &[("idempotency-key", &key)]);
    assert_eq!(reply.unwrap().body["on_hand"], 6);
}
