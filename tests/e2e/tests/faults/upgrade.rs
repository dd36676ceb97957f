//! A rolling upgrade over a change that is compatible neither way: the consumers are new, and the order service goes from
//! `OrderPlaced` 2026-10 to the newest version while orders flow, on the same data.

use std::{collections::BTreeMap, thread};

use contracts::{EventType, OrderId, event_type};
use e2e::{
    Fate, NewOrder, Shop, Stream, binary, must, previous_order_binary,
    records::{Place, Record},
};
use xtask::ServiceName::{self, Order};

const OLD: &str = "2026-10";
/// Orders placed around each upgrade.
const ORDERS: usize = 40;

fn newest() -> &'static str {
    let EventType { version, .. } = event_type("OrderPlaced").expect("there is such an event");
    version
}

/// A suite whose order service is the previous one.
fn previous_shop() -> Shop {
    Shop::open_with(|suite| suite.binary(Order, previous_order_binary()))
}

/// The version in which each order was published. One that is published again is so in the version it had.
fn versions(records: &[(Record, Place)]) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    for (record, _) in records.iter().filter(|(record, _)| record.event() == Some("OrderPlaced")) {
        let version = record.header("ce_dataschema").and_then(|url| url.rsplit('/').next()).expect("a version");
        let data: serde_json::Value = must(serde_json::from_slice(record.value.as_deref().expect("data")));
        assert_eq!(data["total_minor"].is_number(), version == OLD, "{version} looks like this: {data}");
        let order = record.header("ce_subject").expect("an order").to_owned();
        let before = versions.insert(order, version.to_owned());
        assert!(before.is_none_or(|before| before == version));
    }
    versions
}

/// Waits until all orders were published; tells in which versions.
fn published(shop: &Shop, orders: &[(OrderId, Fate)]) -> BTreeMap<String, String> {
    shop.topics().read(&["order.events"]).wait_for("every order to be published", |seen| {
        let versions = versions(seen);
        orders.iter().all(|(id, _)| versions.contains_key(&id.to_string())).then_some(versions)
    })
}

/// The order service is upgraded in the middle of orders, ended by `end`.
#[track_caller]
fn upgraded_while_orders_flow(end: impl Fn(&Shop)) {
    let shop = previous_shop();
    let stream = Stream::new(&shop);
    thread::scope(|scope| {
        scope.spawn(|| stream.place(ORDERS));
        stream.wait_until_placed(ORDERS / 2);
        end(&shop);
        shop.start_as(Order, &binary(Order));
    });
    // All may have been accepted before the end.
    stream.place(2);
    stream.must_end_well();
    let versions = published(&shop, &stream.placed());
    for version in [OLD, newest()] {
        assert!(versions.values().any(|published| published == version), "no order in {version}: {versions:?}");
    }
    shop.close();
}

#[test]
fn an_order_service_that_ends_well_is_followed_by_a_new_one_and_every_order_ends_right() {
    upgraded_while_orders_flow(|shop| assert!(shop.terminate(Order).success(), "{}", shop.log(Order)));
}

#[test]
fn an_order_service_that_is_killed_is_followed_by_a_new_one_and_every_order_ends_right() {
    upgraded_while_orders_flow(|shop| shop.kill(Order));
}

#[test]
fn services_restarted_one_after_the_other_with_both_versions_on_the_topic_lose_no_order() {
    let shop = previous_shop();
    let stream = Stream::new(&shop);
    // Consumers first, as `cargo saga contracts` says of this change; then the producer.
    for (round, service) in
        [ServiceName::Inventory, ServiceName::Payment, ServiceName::Shipping, Order].into_iter().enumerate()
    {
        thread::scope(|scope| {
            scope.spawn(|| stream.place(ORDERS / 2));
            stream.wait_until_placed(round * ORDERS / 2 + 5);
            assert!(shop.terminate(service).success(), "{}", shop.log(service));
            shop.start_as(service, &binary(service));
        });
    }
    stream.must_end_well();
    shop.close();
}

#[test]
fn what_the_old_service_accepted_the_new_one_cancels_and_tells() {
    let shop = previous_shop();
    let product = shop.product(1250, 10);
    let order = shop.place(&NewOrder::of(&product, 2));
    shop.wait_until_confirmed(order);
    shop.terminate(Order);
    shop.start_as(Order, &binary(Order));

    let told = shop.order(order);
    assert_eq!(told["total"], serde_json::json!({ "minor": 2500, "currency": "EUR" }), "{told}");
    assert_eq!(shop.timeline(order)[0].event, "OrderPlaced");
    assert_eq!(shop.cancel(order), 202);
    shop.wait_until_cancelled(order, "customer");
    shop.must_be_undone(order);
    assert_eq!(shop.stock(&product), product.untouched());
    shop.close();
}
