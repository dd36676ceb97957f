//! Records made by hand that look like a service's own: events about orders that the order service never heard of.

use contracts::{
    CancelReason, CorrelationId, Event, EventId, Meta, Money, OrderId, headers,
    inventory::{InventoryEvent, StockCommitted, StockLine, StockReserved},
    order::{OrderCancellationRequested, OrderEvent, OrderLine, OrderPlaced},
    shipping::{ShipmentCancelled, ShippingEvent},
};
use jiff::{Timestamp, ToSpan as _};
use providers::simulator::cards;
use uuid::Uuid;

use crate::{Product, must, order::address, records::Record};

/// An order that only the test knows.
pub fn unknown_order() -> OrderId {
    OrderId(Uuid::now_v7())
}

/// The record by which the owner of an event would publish it. Each has an id of its own.
pub fn record(event: &Event) -> Record {
    let meta = Meta {
        id: EventId(Uuid::now_v7()),
        event_type: event.event_type(),
        subject: event.subject(),
        time: Timestamp::now(),
        correlation_id: CorrelationId(Uuid::now_v7()),
        causation_id: None,
        hops: 0,
    };
    let topic = event.event_type().topic;
    let bare = Record::new(topic, event.subject().as_str(), event.to_json().as_bytes());
    let headers = headers(&meta, "http://127.0.0.1:8080");
    headers.into_iter().fold(bare, |record, (name, value)| record.with(name, value))
}

/// An order of one product was placed.
#[track_caller]
pub fn order_placed(order_id: OrderId, product: &Product, quantity: u32) -> Record {
    let unit_price = Money::eur(product.price_minor);
    let line = OrderLine { sku: must(product.sku.parse()), quantity, unit_price };
    let now = Timestamp::now();
    order(OrderPlaced {
        order_id,
        customer: "ada".to_owned(),
        total: unit_price.times(quantity).expect("not that much"),
        lines: vec![line],
        payment_method: cards::APPROVED.to_owned(),
        address: address(),
        placed_at: now,
        deadline: now + 1.hour(),
    })
}

/// A customer wants an order undone.
pub fn cancellation_requested(order_id: OrderId) -> Record {
    order(OrderCancellationRequested { order_id, reason: CancelReason::Customer })
}

/// An order's stock is held.
#[track_caller]
pub fn stock_reserved(order_id: OrderId, product: &Product, quantity: u32) -> Record {
    let lines = vec![StockLine { sku: must(product.sku.parse()), quantity }];
    inventory(StockReserved { order_id, lines })
}

/// An order's stock has left.
pub fn stock_committed(order_id: OrderId) -> Record {
    inventory(StockCommitted { order_id })
}

/// An order won't ship.
pub fn shipment_cancelled(order_id: OrderId) -> Record {
    let event: ShippingEvent = ShipmentCancelled { order_id, reason: CancelReason::Customer }.into();
    record(&Event::Shipping(event))
}

fn order(event: impl Into<OrderEvent>) -> Record {
    record(&Event::Order(event.into()))
}

fn inventory(event: impl Into<InventoryEvent>) -> Record {
    record(&Event::Inventory(event.into()))
}
