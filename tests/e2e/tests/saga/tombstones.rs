//! Events in orders that the saga does not produce, each of them twice. They are handmade and about orders that the order
//! service does not know, so that nothing else affects them.

use catalog::ServiceName;
use contracts::OrderId;
use e2e::{
    TestProduct,
    facts::{cancellation_requested, order_placed, shipment_cancelled, stock_committed, stock_reserved, unknown_order},
    records::{KafkaRecord, TopicReader},
};
use providers::simulator::{CarrierTotals, GatewayTotals};

use crate::cluster;

/// Publishes records twice, in order on the same partition.
#[track_caller]
fn publish_twice(records: &[&KafkaRecord]) {
    cluster().topics().publish_in_order(records);
    cluster().topics().publish_in_order(records);
}

/// Waits until inventory, payment and shipping have read `order.events` so far, by a successful order after it on the
/// same partition.
#[track_caller]
fn wait_until_order_events_are_read() {
    let (last, product) = (unknown_order(), cluster().product(100, 1));
    cluster().topics().publish_in_order(&[&order_placed(last, &product, 1)]);
    cluster().wait_for_participant_status(ServiceName::Inventory, last, "committed");
    cluster().wait_for_participant_status(ServiceName::Payment, last, "captured");
    cluster().wait_for_participant_status(ServiceName::Shipping, last, "scheduled");
}

/// Waits until payment and shipping have read `inventory.events` so far.
#[track_caller]
fn wait_until_inventory_events_are_read() {
    let last = unknown_order();
    let product = cluster().product(100, 1);
    cluster().topics().publish_in_order(&[&stock_reserved(last, &product, 1), &stock_committed(last)]);
    cluster().wait_for_participant_status(ServiceName::Payment, last, "waiting");
    cluster().wait_for_participant_status(ServiceName::Shipping, last, "waiting");
}

/// Number of these events about the order.
fn count(topics: &TopicReader, order: OrderId, event: &str) -> usize {
    topics.about(&order.to_string()).iter().filter(|record| record.event() == Some(event)).count()
}

/// Waits until the topics contain this event about the order.
#[track_caller]
fn wait_for(topics: &TopicReader, order: OrderId, event: &str) {
    topics.wait_for_event(&order.to_string(), event);
}

fn product_in_stock() -> TestProduct {
    cluster().product(1250, 10)
}

#[test]
fn shipment_cancelled_before_order_leaves_tombstones() {
    let (order, product) = (unknown_order(), product_in_stock());
    publish_twice(&[&shipment_cancelled(order)]);
    cluster().wait_for_participant_status(ServiceName::Inventory, order, "released");
    cluster().wait_for_participant_status(ServiceName::Payment, order, "voided");

    publish_twice(&[&order_placed(order, &product, 2)]);
    publish_twice(&[&stock_reserved(order, &product, 2)]);
    wait_until_order_events_are_read();
    wait_until_inventory_events_are_read();
    assert_eq!(cluster().stock(&product), product.initial_stock());
    cluster().wait_for_participant_status(ServiceName::Inventory, order, "released");
    cluster().wait_for_participant_status(ServiceName::Payment, order, "voided");
    assert_eq!(cluster().gateway_entry(order), GatewayTotals::default());

    let topics = cluster().topics().read(&["inventory.events", "payment.events"]);
    wait_for(&topics, order, "StockReleased");
    wait_for(&topics, order, "PaymentVoided");
    assert_eq!((count(&topics, order, "StockReleased"), count(&topics, order, "PaymentVoided")), (1, 1));
}

#[test]
fn reserved_stock_before_order_is_charged_after_it() {
    let (order, product) = (unknown_order(), product_in_stock());
    publish_twice(&[&stock_reserved(order, &product, 2)]);
    let waiting = cluster().wait_for_participant_status(ServiceName::Payment, order, "waiting");
    assert_eq!(waiting["amount"], serde_json::Value::Null, "payment does not know the amount yet");
    assert_eq!(cluster().gateway_entry(order), GatewayTotals::default());

    publish_twice(&[&order_placed(order, &product, 2)]);
    // Inventory reserves too and publishes StockReserved again; the saga completes although the order is unknown.
    cluster().wait_for_participant_status(ServiceName::Shipping, order, "scheduled");
    wait_until_order_events_are_read();
    cluster().assert_paid_and_booked(order, 2500);
    assert_eq!(cluster().stock(&product), product.stock(0, 2));
    let topics = cluster().topics().read(&["payment.events"]);
    wait_for(&topics, order, "PaymentCaptured");
    assert_eq!(count(&topics, order, "PaymentCaptured"), 1);
}

#[test]
fn committed_stock_before_order_is_booked_after_it() {
    // Without stock, inventory does not continue the order itself.
    let (order, product) = (unknown_order(), cluster().product(1250, 0));
    publish_twice(&[&stock_committed(order)]);
    let waiting = cluster().wait_for_participant_status(ServiceName::Shipping, order, "waiting");
    assert_eq!(waiting["address"], serde_json::Value::Null, "shipping does not know the address yet");
    assert_eq!(cluster().carrier_entry(order), CarrierTotals::default());

    publish_twice(&[&order_placed(order, &product, 2)]);
    cluster().wait_for_participant_status(ServiceName::Shipping, order, "scheduled");
    wait_until_order_events_are_read();
    assert_eq!(cluster().carrier_entry(order), CarrierTotals { bookings: 1, ..CarrierTotals::default() });
    let topics = cluster().topics().read(&["shipping.events"]);
    wait_for(&topics, order, "ShipmentScheduled");
    assert_eq!(count(&topics, order, "ShipmentScheduled"), 1);
}

#[test]
fn cancellation_before_order_leaves_tombstones() {
    let (order, product) = (unknown_order(), product_in_stock());
    publish_twice(&[&cancellation_requested(order)]);
    cluster().wait_for_participant_status(ServiceName::Shipping, order, "cancelled");
    cluster().wait_for_participant_status(ServiceName::Inventory, order, "released");
    cluster().wait_for_participant_status(ServiceName::Payment, order, "voided");

    publish_twice(&[&order_placed(order, &product, 2)]);
    publish_twice(&[&stock_reserved(order, &product, 2), &stock_committed(order)]);
    wait_until_order_events_are_read();
    wait_until_inventory_events_are_read();
    cluster().wait_for_participant_status(ServiceName::Shipping, order, "cancelled");
    assert_eq!(cluster().stock(&product), product.initial_stock());
    cluster().assert_no_provider_effects(order);
    let topics = cluster().topics().read(&["shipping.events"]);
    wait_for(&topics, order, "ShipmentCancelled");
    assert_eq!(count(&topics, order, "ShipmentCancelled"), 1);
}

#[test]
fn duplicate_order_is_processed_once() {
    let (order, product) = (unknown_order(), product_in_stock());
    let placed = order_placed(order, &product, 2);
    publish_twice(&[&placed]);
    cluster().wait_for_participant_status(ServiceName::Shipping, order, "scheduled");
    publish_twice(&[&placed]);
    wait_until_order_events_are_read();
    cluster().assert_paid_and_booked(order, 2500);
    assert_eq!(cluster().stock(&product), product.stock(0, 2));
    let topics = cluster().topics().read(&["inventory.events"]);
    wait_for(&topics, order, "StockCommitted");
    assert_eq!((count(&topics, order, "StockReserved"), count(&topics, order, "StockCommitted")), (1, 1));
}

#[test]
fn order_with_another_event_id_is_processed_once() {
    let (order, product) = (unknown_order(), product_in_stock());
    publish_twice(&[&order_placed(order, &product, 2), &order_placed(order, &product, 2)]);
    cluster().wait_for_participant_status(ServiceName::Shipping, order, "scheduled");
    wait_until_order_events_are_read();
    cluster().assert_paid_and_booked(order, 2500);
    assert_eq!(cluster().stock(&product), product.stock(0, 2));
}
