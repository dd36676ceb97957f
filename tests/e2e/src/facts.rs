//! Handmade records that look like a service's own: events about orders that the order service does not know.

use contracts::{
    CancelReason, CorrelationId, Event, EventId, Meta, Money, OrderId, headers,
    inventory::{InventoryEvent, StockCommitted, StockLine, StockReserved},
    order::{OrderCancellationRequested, OrderEvent, OrderLine, OrderPlaced},
    shipping::{ShipmentCancelled, ShippingEvent},
};
use jiff::{Timestamp, ToSpan as _};
use providers::simulator::cards;
use uuid::Uuid;

use crate::{order::address, records::KafkaRecord, views::TestProduct};

/// Id of an order that only the test knows.
pub fn unknown_order() -> OrderId {
    OrderId(Uuid::now_v7())
}

/// The record that the owner of an event would publish, with a new event id.
pub fn record(event: &Event) -> KafkaRecord {
    let meta = Meta {
        id: EventId(Uuid::now_v7()),
        event_type: event.event_type(),
        subject: event.subject(),
        time: Timestamp::now(),
        correlation_id: CorrelationId(Uuid::now_v7()),
        causation_id: None,
        hops: 0,
        sequence: Some(1),
        replay: None,
    };
    let topic = event.event_type().topic;
    let bare = KafkaRecord::new(topic, event.subject().as_str(), event.to_json().as_bytes());
    let headers = headers(&meta, meta.event_type.version, "http://127.0.0.1:8080");
    headers.into_iter().fold(bare, |record, (name, value)| record.with(name, value))
}

/// `OrderPlaced` with one line.
#[track_caller]
pub fn order_placed(order_id: OrderId, product: &TestProduct, quantity: u32) -> KafkaRecord {
    let unit_price = Money::eur(product.price_minor);
    let line = OrderLine { sku: product.sku.parse().expect("a valid SKU"), quantity, unit_price };
    let now = Timestamp::now();
    order(OrderPlaced {
        order_id,
        customer: "ada".to_owned(),
        total: unit_price.times(quantity).expect("the total does not overflow"),
        lines: vec![line],
        payment_method: cards::APPROVED.to_owned(),
        address: address(),
        placed_at: now,
        deadline: now + 1.hour(),
    })
}

/// `OrderCancellationRequested` by a customer.
pub fn cancellation_requested(order_id: OrderId) -> KafkaRecord {
    order(OrderCancellationRequested { order_id, reason: CancelReason::Customer })
}

/// `StockReserved` with one line.
#[track_caller]
pub fn stock_reserved(order_id: OrderId, product: &TestProduct, quantity: u32) -> KafkaRecord {
    let lines = vec![StockLine { sku: product.sku.parse().expect("a valid SKU"), quantity }];
    inventory(StockReserved { order_id, lines })
}

/// `StockCommitted`.
pub fn stock_committed(order_id: OrderId) -> KafkaRecord {
    inventory(StockCommitted { order_id })
}

/// `ShipmentCancelled` because of the customer.
pub fn shipment_cancelled(order_id: OrderId) -> KafkaRecord {
    let event: ShippingEvent = ShipmentCancelled { order_id, reason: CancelReason::Customer }.into();
    record(&Event::Shipping(event))
}

fn order(event: impl Into<OrderEvent>) -> KafkaRecord {
    record(&Event::Order(event.into()))
}

fn inventory(event: impl Into<InventoryEvent>) -> KafkaRecord {
    record(&Event::Inventory(event.into()))
}
