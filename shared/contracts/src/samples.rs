//! Samples of this suite's events, for tests and benchmarks. All are about [`ORDER`]. The golden files contain [`all`] of them.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    CancelReason, Event, Money, OrderId, Sku,
    inventory::{
        InventoryEvent, Shortage, StockCommitted, StockLine, StockReleased, StockReservationRejected, StockReserved,
    },
    order::{Address, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderEvent, OrderLine, OrderPlaced},
    payment::{PaymentCaptured, PaymentDeclined, PaymentEvent, PaymentRefunded, PaymentVoided},
    shipping::{
        ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
        ShippingEvent,
    },
};

/// The order that every sample is about.
pub const ORDER: OrderId = OrderId(Uuid::from_u128(0x0193_a5c0_0000_7000_8000_0000_0000_0001));
/// 2026-11-23T10:00:00Z.
pub const PLACED_AT: Timestamp = Timestamp::constant(1_795_428_000, 0);
/// A minute later.
pub const DEADLINE: Timestamp = Timestamp::constant(1_795_428_060, 0);
/// Token of a card that the simulated gateway accepts.
pub const CARD: &str = "tok_4242424242424242";
/// Total of the order.
pub const TOTAL: Money = Money::eur(3399);
/// The gateway's id of the capture.
pub const CAPTURE_ID: &str = "cap_1";
/// The carrier's tracking number.
pub const TRACKING: &str = "TRACK1";

/// The SKU with this text.
///
/// # Panics
/// The text is not a SKU.
pub fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

/// The delivery address of the order.
pub fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        street: "12 Analytical Way".into(),
        city: "London".into(),
        postal_code: "N1 7AA".into(),
        country: "GB".into(),
    }
}

fn stock_lines() -> Vec<StockLine> {
    vec![StockLine { sku: sku("MUG"), quantity: 2 }]
}

/// Two mugs and a tea.
pub fn order_placed() -> OrderPlaced {
    let line = |text, quantity, minor| OrderLine { sku: sku(text), quantity, unit_price: Money::eur(minor) };
    OrderPlaced {
        order_id: ORDER,
        customer: "ada".into(),
        lines: vec![line("MUG", 2, 1250), line("TEA-250", 1, 899)],
        total: TOTAL,
        payment_method: CARD.into(),
        address: address(),
        placed_at: PLACED_AT,
        deadline: DEADLINE,
    }
}

/// The sample of `OrderCancellationRequested`.
pub fn order_cancellation_requested(reason: CancelReason) -> OrderCancellationRequested {
    OrderCancellationRequested { order_id: ORDER, reason }
}

/// The sample of `OrderConfirmed`.
pub fn order_confirmed() -> OrderConfirmed {
    OrderConfirmed { order_id: ORDER }
}

/// The sample of `OrderCancelled`.
pub fn order_cancelled(reason: CancelReason) -> OrderCancelled {
    OrderCancelled { order_id: ORDER, reason }
}

/// The sample of `StockReserved`.
pub fn stock_reserved() -> StockReserved {
    StockReserved { order_id: ORDER, lines: stock_lines() }
}

/// The sample of `StockReservationRejected`.
pub fn stock_reservation_rejected() -> StockReservationRejected {
    let shortages = vec![Shortage { sku: sku("MUG"), requested: 2, available: 1 }];
    StockReservationRejected { order_id: ORDER, shortages }
}

/// The sample of `StockCommitted`.
pub fn stock_committed() -> StockCommitted {
    StockCommitted { order_id: ORDER }
}

/// The sample of `StockReleased`.
pub fn stock_released(reason: CancelReason) -> StockReleased {
    StockReleased { order_id: ORDER, lines: stock_lines(), reason }
}

/// The sample of `PaymentCaptured`.
pub fn payment_captured() -> PaymentCaptured {
    PaymentCaptured { order_id: ORDER, capture_id: CAPTURE_ID.into(), amount: TOTAL }
}

/// The sample of `PaymentDeclined`.
pub fn payment_declined() -> PaymentDeclined {
    PaymentDeclined { order_id: ORDER, code: "insufficient_funds".into() }
}

/// The sample of `PaymentRefunded`.
pub fn payment_refunded(reason: CancelReason) -> PaymentRefunded {
    let (capture_id, refund_id) = (CAPTURE_ID.into(), "ref_1".into());
    PaymentRefunded { order_id: ORDER, capture_id, refund_id, amount: TOTAL, reason }
}

/// The sample of `PaymentVoided`.
pub fn payment_voided(reason: CancelReason) -> PaymentVoided {
    PaymentVoided { order_id: ORDER, reason }
}

/// The sample of `ShipmentScheduled`.
pub fn shipment_scheduled() -> ShipmentScheduled {
    ShipmentScheduled { order_id: ORDER, tracking: TRACKING.into() }
}

/// The sample of `ShipmentRejected`.
pub fn shipment_rejected() -> ShipmentRejected {
    ShipmentRejected { order_id: ORDER, carrier_reason: "country AQ is not served".into() }
}

/// The sample of `ShipmentCancelled`.
pub fn shipment_cancelled(reason: CancelReason) -> ShipmentCancelled {
    ShipmentCancelled { order_id: ORDER, reason }
}

/// The sample of `ShipmentCancellationRefused`.
pub fn shipment_cancellation_refused() -> ShipmentCancellationRefused {
    ShipmentCancellationRefused { order_id: ORDER }
}

/// The sample of `ShipmentDispatched`.
pub fn shipment_dispatched() -> ShipmentDispatched {
    ShipmentDispatched { order_id: ORDER, tracking: TRACKING.into() }
}

/// One event of every type.
pub fn all() -> Vec<Event> {
    let order: [OrderEvent; 4] = [
        order_placed().into(),
        order_cancellation_requested(CancelReason::DeadlinePassed).into(),
        order_confirmed().into(),
        order_cancelled(CancelReason::OutOfStock).into(),
    ];
    let inventory: [InventoryEvent; 4] = [
        stock_reserved().into(),
        stock_reservation_rejected().into(),
        stock_committed().into(),
        stock_released(CancelReason::Customer).into(),
    ];
    let payment: [PaymentEvent; 4] = [
        payment_captured().into(),
        payment_declined().into(),
        payment_refunded(CancelReason::ShipmentRejected).into(),
        payment_voided(CancelReason::Customer).into(),
    ];
    let shipping: [ShippingEvent; 5] = [
        shipment_scheduled().into(),
        shipment_rejected().into(),
        shipment_cancelled(CancelReason::Customer).into(),
        shipment_cancellation_refused().into(),
        shipment_dispatched().into(),
    ];
    let order = order.into_iter().map(Event::from).chain(inventory.into_iter().map(Event::from));
    order.chain(payment.into_iter().map(Event::from)).chain(shipping.into_iter().map(Event::from)).collect()
}
