//! Hand-made evidence for tests of the rules.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::{CorrelationId, EventId, Money, OrderId};
use jiff::Timestamp;
use providers::simulator::{CarrierTotals, GatewayTotals, LoggedCall};
use serde_json::{from_value, json};
use uuid::Uuid;
use xtask::ServiceName;

use crate::evidence::{
    ContentHash, Evidence, ObservedDeadLetter, ObservedStock, PoisonRecord, PublishedEvent, RecordPosition,
};
use crate::load::traffic::AcceptedOrder;
use crate::quiescence::Quiescence;

pub(crate) const SKU: &str = "MUG";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const TOTAL: i64 = 2_500;

pub(crate) fn order_id() -> OrderId {
    OrderId(Uuid::from_u128(1))
}

/// Unix time in seconds.
pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

/// Creates the event with this number and cause. Its sequence number is that of a sold order's events.
pub(crate) fn fact(event: &'static str, number: u32, cause: Option<u32>) -> PublishedEvent {
    let id = |number: u32| EventId(Uuid::from_u128(number.into()));
    let topic = match event {
        event if event.starts_with("Order") => "order.events",
        event if event.starts_with("Stock") => "inventory.events",
        event if event.starts_with("Payment") => "payment.events",
        _ => "shipping.events",
    };
    PublishedEvent {
        position: RecordPosition { topic: topic.to_owned(), partition: 0, offset: number.into() },
        order_id: order_id(),
        event,
        id: id(number),
        time: time(number.into()),
        causation_id: cause.map(id),
        correlation_id: CorrelationId(Uuid::from_u128(99)),
        hops: cause.unwrap_or_default(),
        sequence: Some(if ["StockCommitted", "OrderConfirmed"].contains(&event) { 2 } else { 1 }),
        trace_id: Some(TRACE.to_owned()),
        keyed_by_order: true,
        content: ContentHash::number(number.into()),
        lines: Vec::new(),
    }
}

/// Creates an answered call.
pub(crate) fn call(kind: &str, second: i64) -> LoggedCall {
    let (kind, time) = (kind.to_owned(), time(second).to_string());
    LoggedCall { seq: second, time, kind, key: order_id(), answer: Some("{}".to_owned()), error: None }
}

/// One confirmed order of two units.
pub(crate) fn one_sold_order() -> Evidence {
    let id = order_id();
    let accepted = AcceptedOrder {
        id,
        total_minor: TOTAL,
        lines: vec![(SKU.to_owned(), 2)],
        trace_id: TRACE.to_owned(),
        at: time(1),
        cancelled: false,
        dispatched: false,
        slow: false,
    };
    let lines = json!([{ "sku": SKU, "quantity": 2 }]);
    let order = json!({ "order_id": id, "status": "confirmed", "total": Money::eur(TOTAL), "lines": lines });
    let paid = GatewayTotals { captures: 1, captured_minor: TOTAL, ..GatewayTotals::default() };
    Evidence {
        accepted: BTreeMap::from([(id, accepted)]),
        orders: BTreeMap::from([(id, from_value(order).expect("an order"))]),
        payments: BTreeMap::from([(
            id,
            from_value(json!({ "order_id": id, "status": "captured" })).expect("a payment"),
        )]),
        shipments: BTreeMap::from([(
            id,
            from_value(json!({ "order_id": id, "status": "scheduled" })).expect("a parcel"),
        )]),
        stock: BTreeMap::from([(SKU.to_owned(), ObservedStock::of(8, 0, 2))]),
        received: BTreeMap::from([(SKU.to_owned(), 10)]),
        facts: facts(),
        money: BTreeMap::from([(id, paid)]),
        parcels: BTreeMap::from([(id, CarrierTotals { bookings: 1, ..CarrierTotals::default() })]),
        calls: vec![(ServiceName::Payment, call("charge", 3)), (ServiceName::Shipping, call("book", 5))],
        quiescence: Quiescence { final_after: Some(Duration::from_secs(1)), ..Quiescence::default() },
        ..Evidence::default()
    }
}

fn facts() -> Vec<PublishedEvent> {
    let chain =
        ["OrderPlaced", "StockReserved", "PaymentCaptured", "StockCommitted", "ShipmentScheduled", "OrderConfirmed"];
    let mut facts: Vec<_> = (1..)
        .zip(chain)
        .map(|(number, event)| fact(event, number, number.checked_sub(1).filter(|cause| *cause > 0)))
        .collect();
    facts[1].lines = vec![(SKU.to_owned(), 2)];
    facts
}

/// [`one_sold_order`] and one poison record in payment's topic, dead-lettered by its two consumers.
pub(crate) fn poisoned() -> Evidence {
    let position = RecordPosition { topic: "payment.events".to_owned(), partition: 2, offset: 17 };
    let letter = |service| ObservedDeadLetter {
        service,
        poison: Some("p1".to_owned()),
        origin: position.clone(),
        found: "then".to_owned(),
        content: ContentHash::number(90),
    };
    Evidence {
        poison: vec![PoisonRecord {
            number: "p1".to_owned(),
            position: position.clone(),
            content: ContentHash::number(90),
        }],
        dead_letters: vec![letter(ServiceName::Order), letter(ServiceName::Inventory)],
        ..one_sold_order()
    }
}
