//! Records that can't be handled now: tried again later, holding back their order alone, over restarts too; and records
//! that an operator sends once more.

use contracts::OrderId;
use e2e::{
    NewOrder, Product, Shop,
    facts::{cancellation_requested, order_placed, unknown_order},
    records::Record,
};
use xtask::ServiceName;

/// An order in a version that is newer than any, and that this build can't make sense of.
fn from_the_future(order: OrderId, product: &Product) -> Record {
    let placed = order_placed(order, product, 1).with("ce_dataschema", "http://127.0.0.1/schemas/OrderPlaced/2199-01");
    Record { value: Some(b"{\"everything\": \"is different\"}".to_vec()), ..placed }
}

fn open(attempts: u32) -> Shop {
    Shop::open_with(|suite| {
        let suite = suite.env("RETRY_ATTEMPTS_MAX", attempts.to_string());
        suite.env("RETRY_BACKOFF_MAX_MS", "300")
    })
}

#[track_caller]
fn an_order_must_go_well(shop: &Shop) {
    let id = shop.place(&NewOrder::of(&shop.product(1250, 5), 2));
    shop.wait_until_confirmed(id);
}

#[test]
fn a_record_that_only_a_newer_build_can_read_is_tried_again_and_then_becomes_a_dead_letter() {
    let shop = open(3);
    let (order, product) = (unknown_order(), shop.product(1250, 5));
    let (future, later) = (from_the_future(order, &product), order_placed(order, &product, 2));
    shop.topics().publish_in_order(&[&future, &later]);
    an_order_must_go_well(&shop);

    let letters = shop.topics().read(&["inventory.dlq"]);
    let letter = letters.wait_for_one(&order.to_string(), "the dead letter", |_| true);
    assert_eq!((letter.header("dlq_class"), letter.header("dlq_attempts")), (Some("version"), Some("3")));
    assert_eq!((&letter.value, &letter.headers[..future.headers.len()]), (&future.value, &future.headers[..]));
    shop.wait_at(ServiceName::Inventory, order, "committed");
    assert_eq!(letters.about(&order.to_string()).len(), 1, "what was held back behind it is handled");
    shop.close();
}

#[test]
fn what_is_parked_holds_back_its_order_alone_and_outlives_a_crash() {
    let shop = open(1_000_000);
    let (order, product) = (unknown_order(), shop.product(1250, 5));
    let (future, later) = (from_the_future(order, &product), order_placed(order, &product, 2));
    shop.topics().publish_in_order(&[&future, &later]);
    an_order_must_go_well(&shop);
    shop.kill(ServiceName::Inventory);
    shop.start(ServiceName::Inventory);
    an_order_must_go_well(&shop);
    let path = format!("/reservations/{order}");
    assert_eq!(shop.get(ServiceName::Inventory, &path).status, 404, "the later record still waits for the first");
    shop.close();
}

#[test]
fn a_record_that_is_redriven_takes_effect_once_however_often() {
    let shop = Shop::open();
    let (order, product) = (unknown_order(), shop.product(1250, 5));
    let placed = order_placed(order, &product, 2).with("redrive_topic", "order.events");
    let redriven = Record { topic: "inventory.redrive".to_owned(), ..placed };
    let cancelled = cancellation_requested(unknown_order()).with("redrive_topic", "order.events");
    shop.topics().publish_in_order(&[&redriven, &redriven]);
    shop.wait_at(ServiceName::Inventory, order, "held");
    let events = shop.topics().read(&["inventory.events"]);
    events.wait_for_one(&order.to_string(), "the reservation", |record| record.event() == Some("StockReserved"));
    // A record of a topic that inventory does not react to leads nowhere, on this way too.
    shop.topics().publish(&Record { topic: "inventory.redrive".to_owned(), ..cancelled });
    an_order_must_go_well(&shop);
    assert_eq!(shop.stock(&product).reserved, 2);
    assert_eq!(events.about(&order.to_string()).len(), 1);
    shop.close();
}
