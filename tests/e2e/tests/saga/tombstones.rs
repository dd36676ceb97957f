//! Events in an order that the saga does not have, each of them twice. They are made by hand, about orders that the order
//! service does not know, so that nothing else happens to them.

use contracts::OrderId;
use e2e::{
    Product,
    facts::{cancellation_requested, order_placed, shipment_cancelled, stock_committed, stock_reserved, unknown_order},
    records::{Reader, Record},
};
use providers::simulator::{CarrierEntry, GatewayEntry};
use xtask::ServiceName;

use crate::shop;

/// The same records twice, one after the other on the same partition.
#[track_caller]
fn publish_twice(records: &[&Record]) {
    shop().topics().publish_in_order(records);
    shop().topics().publish_in_order(records);
}

/// Waits until inventory, payment and shipping have read all that was published of orders so far: a good order comes
/// after it on the same partition.
#[track_caller]
fn let_orders_be_read() {
    let (last, product) = (unknown_order(), shop().product(100, 1));
    shop().topics().publish_in_order(&[&order_placed(last, &product, 1)]);
    shop().wait_at(ServiceName::Inventory, last, "committed");
    shop().wait_at(ServiceName::Payment, last, "captured");
    shop().wait_at(ServiceName::Shipping, last, "scheduled");
}

/// The same for payment and what was published of stock.
#[track_caller]
fn let_stock_be_read() {
    let last = unknown_order();
    let product = shop().product(100, 1);
    shop().topics().publish_in_order(&[&stock_reserved(last, &product, 1), &stock_committed(last)]);
    shop().wait_at(ServiceName::Payment, last, "waiting");
    shop().wait_at(ServiceName::Shipping, last, "waiting");
}

/// How often the services published this event about the order.
fn times(topics: &Reader, order: OrderId, event: &str) -> usize {
    topics.about(&order.to_string()).iter().filter(|record| record.event() == Some(event)).count()
}

/// Waits until the topics hold this event about the order.
#[track_caller]
fn wait_for(topics: &Reader, order: OrderId, event: &str) {
    topics.wait_for_one(&order.to_string(), event, |record| record.event() == Some(event));
}

fn stocked() -> Product {
    shop().product(1250, 10)
}

#[test]
fn a_cancelled_shipment_before_its_order_leaves_a_tombstone_at_inventory_and_payment() {
    let (order, product) = (unknown_order(), stocked());
    publish_twice(&[&shipment_cancelled(order)]);
    shop().wait_at(ServiceName::Inventory, order, "released");
    shop().wait_at(ServiceName::Payment, order, "voided");

    publish_twice(&[&order_placed(order, &product, 2)]);
    publish_twice(&[&stock_reserved(order, &product, 2)]);
    let_orders_be_read();
    let_stock_be_read();
    assert_eq!(shop().stock(&product), product.untouched());
    shop().wait_at(ServiceName::Inventory, order, "released");
    shop().wait_at(ServiceName::Payment, order, "voided");
    assert_eq!(shop().money(order), GatewayEntry::default());

    let topics = shop().topics().read(&["inventory.events", "payment.events"]);
    wait_for(&topics, order, "StockReleased");
    wait_for(&topics, order, "PaymentVoided");
    assert_eq!((times(&topics, order, "StockReleased"), times(&topics, order, "PaymentVoided")), (1, 1));
}

#[test]
fn reserved_stock_before_its_order_is_charged_once_the_order_comes() {
    let (order, product) = (unknown_order(), stocked());
    publish_twice(&[&stock_reserved(order, &product, 2)]);
    let waiting = shop().wait_at(ServiceName::Payment, order, "waiting");
    assert_eq!(waiting["amount"], serde_json::Value::Null, "it does not know yet what to charge");
    assert_eq!(shop().money(order), GatewayEntry::default());

    publish_twice(&[&order_placed(order, &product, 2)]);
    // Inventory reserves too and says so once more; it goes on to the end, although nobody knows the order.
    shop().wait_at(ServiceName::Shipping, order, "scheduled");
    let_orders_be_read();
    shop().must_be_sold(order, 2500);
    assert_eq!(shop().stock(&product), product.stock(0, 2));
    let topics = shop().topics().read(&["payment.events"]);
    wait_for(&topics, order, "PaymentCaptured");
    assert_eq!(times(&topics, order, "PaymentCaptured"), 1);
}

#[test]
fn committed_stock_before_its_order_is_booked_once_the_order_comes() {
    // There is none of it, so inventory does not go on with the order.
    let (order, product) = (unknown_order(), shop().product(1250, 0));
    publish_twice(&[&stock_committed(order)]);
    let waiting = shop().wait_at(ServiceName::Shipping, order, "waiting");
    assert_eq!(waiting["address"], serde_json::Value::Null, "it does not know yet where to ship");
    assert_eq!(shop().parcel(order), CarrierEntry::default());

    publish_twice(&[&order_placed(order, &product, 2)]);
    shop().wait_at(ServiceName::Shipping, order, "scheduled");
    let_orders_be_read();
    assert_eq!(shop().parcel(order), CarrierEntry { bookings: 1, ..CarrierEntry::default() });
    let topics = shop().topics().read(&["shipping.events"]);
    wait_for(&topics, order, "ShipmentScheduled");
    assert_eq!(times(&topics, order, "ShipmentScheduled"), 1);
}

#[test]
fn a_cancellation_before_everything_leaves_a_tombstone_everywhere() {
    let (order, product) = (unknown_order(), stocked());
    publish_twice(&[&cancellation_requested(order)]);
    shop().wait_at(ServiceName::Shipping, order, "cancelled");
    shop().wait_at(ServiceName::Inventory, order, "released");
    shop().wait_at(ServiceName::Payment, order, "voided");

    publish_twice(&[&order_placed(order, &product, 2)]);
    publish_twice(&[&stock_reserved(order, &product, 2), &stock_committed(order)]);
    let_orders_be_read();
    let_stock_be_read();
    shop().wait_at(ServiceName::Shipping, order, "cancelled");
    assert_eq!(shop().stock(&product), product.untouched());
    shop().must_be_unheard_of(order);
    let topics = shop().topics().read(&["shipping.events"]);
    wait_for(&topics, order, "ShipmentCancelled");
    assert_eq!(times(&topics, order, "ShipmentCancelled"), 1);
}

#[test]
fn an_order_that_comes_twice_is_reserved_charged_and_booked_once() {
    let (order, product) = (unknown_order(), stocked());
    let placed = order_placed(order, &product, 2);
    publish_twice(&[&placed]);
    shop().wait_at(ServiceName::Shipping, order, "scheduled");
    publish_twice(&[&placed]);
    let_orders_be_read();
    shop().must_be_sold(order, 2500);
    assert_eq!(shop().stock(&product), product.stock(0, 2));
    let topics = shop().topics().read(&["inventory.events"]);
    wait_for(&topics, order, "StockCommitted");
    assert_eq!((times(&topics, order, "StockReserved"), times(&topics, order, "StockCommitted")), (1, 1));
}

#[test]
fn an_order_published_again_under_another_id_is_still_one_order() {
    let (order, product) = (unknown_order(), stocked());
    publish_twice(&[&order_placed(order, &product, 2), &order_placed(order, &product, 2)]);
    shop().wait_at(ServiceName::Shipping, order, "scheduled");
    let_orders_be_read();
    shop().must_be_sold(order, 2500);
    assert_eq!(shop().stock(&product), product.stock(0, 2));
}
