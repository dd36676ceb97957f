//! Inventory policy: reactions, and the layout of streams.

use std::collections::BTreeMap;

use contracts::{
    CancelReason, Sku,
    inventory::{InventoryEvent, StockCommitted, StockReleased, StockReservationRejected, StockReserved},
    order::{OrderLine, OrderPlaced},
    payment::{PaymentCaptured, PaymentDeclined},
    shipping::{ShipmentCancelled, ShipmentRejected},
};
use decider::{LogEvent, NoIntent, Reaction, SagaMetric, Service, StreamId, reactions};

use crate::decider::{Command, Event, Inventory, Reservation, State, StockMovement};

/// Category of streams about one order's reservation each.
pub const RESERVATIONS: &str = "reservation";
/// Category of streams about one receipt of goods each.
pub const RECEIPTS: &str = "receipt";
/// Category of streams about one SKU's stock each.
pub const STOCK: &str = "stock";

impl Service for Inventory {
    type Public = InventoryEvent;
    type Internal = StockMovement;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &[RESERVATIONS, RECEIPTS, STOCK];
    const REACTIONS: &'static [Reaction<Command>] = reactions! {
        on OrderPlaced(placed) => Reserve { order_id: placed.order_id, lines: quantities(&placed.lines) }:
            "reserves every line, or none", [StockReserved, StockReservationRejected];
        on PaymentCaptured(captured) => Commit(captured.order_id): "commits the reservation", [StockCommitted];
        on PaymentDeclined(declined) =>
            Release { order_id: declined.order_id, reason: CancelReason::PaymentDeclined }: "releases", [StockReleased];
        on ShipmentRejected(rejected) =>
            Release { order_id: rejected.order_id, reason: CancelReason::ShipmentRejected }: "restocks", [StockReleased];
        on ShipmentCancelled(cancelled) => Release { order_id: cancelled.order_id, reason: cancelled.reason }:
            "releases or restocks", [StockReleased];
    };

    /// The state of a reservation names the SKUs that its later steps need.
    fn streams(command: &Command, state: &State) -> Vec<StreamId> {
        let with_stock = |order_id, skus: Vec<&Sku>| {
            let stock = skus.into_iter().map(|sku| StreamId::new(STOCK, sku));
            std::iter::once(StreamId::new(RESERVATIONS, order_id)).chain(stock).collect()
        };
        match command {
            Command::Receive { receipt_id, sku, .. } => {
                vec![StreamId::new(RECEIPTS, receipt_id), StreamId::new(STOCK, sku)]
            }
            Command::Reserve { order_id, lines } => with_stock(order_id, lines.keys().collect()),
            Command::Commit(order_id) | Command::Release { order_id, .. } => {
                let lines = match &state.reservation {
                    Reservation::Held(lines) | Reservation::Committed(lines) => lines.as_slice(),
                    Reservation::New | Reservation::Rejected | Reservation::Released => &[],
                };
                with_stock(order_id, lines.iter().map(|line| &line.sku).collect())
            }
        }
    }

    fn stream_of(event: &Event) -> Option<StreamId> {
        match event {
            LogEvent::Public(_) | LogEvent::Internal(StockMovement::ReceiptRecorded(_)) => None,
            LogEvent::Internal(event) => Some(StreamId::new(STOCK, &event.movement().sku)),
        }
    }

    fn merge(parts: Vec<&State>) -> State {
        let mut merged = State::default();
        for part in parts {
            if part.reservation != Reservation::New {
                merged.reservation = part.reservation.clone();
            }
            merged.stock.extend(part.stock.clone());
            merged.receipt = merged.receipt.or_else(|| part.receipt.clone());
        }
        merged
    }

    fn metric(_: &State, event: &Event) -> Option<SagaMetric> {
        match event.public()? {
            InventoryEvent::StockReleased(released) => Some(SagaMetric::Compensated { reason: released.reason.into() }),
            InventoryEvent::StockReserved(_)
            | InventoryEvent::StockReservationRejected(_)
            | InventoryEvent::StockCommitted(_) => None,
        }
    }

    fn status(state: &State) -> &'static str {
        match state {
            State { receipt: Some(_), .. } => "received",
            State { stock, .. } if !stock.is_empty() => "stocked",
            State { reservation, .. } => reservation.status(),
        }
    }
}

/// Quantity of each SKU. A sum that does not fit saturates: more than can be in stock is out of stock in any case.
fn quantities(lines: &[OrderLine]) -> BTreeMap<Sku, u32> {
    let mut quantities = BTreeMap::new();
    for line in lines {
        let quantity: &mut u32 = quantities.entry(line.sku.clone()).or_default();
        *quantity = quantity.saturating_add(line.quantity);
    }
    quantities
}
