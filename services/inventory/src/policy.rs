//! What the inventory service does about the events of others, and where its events are kept.

use std::collections::BTreeMap;

use contracts::{
    CancelReason, Contract, Event as ContractEvent, OrderId, Received,
    inventory::InventoryEvent,
    order::{OrderEvent, OrderPlaced},
    payment::PaymentEvent,
    shipping::ShippingEvent,
};
use decider::{LogEvent, NoIntent, Reaction, SagaMetric, Service, StreamId};
use jiff::Timestamp;

use crate::decider::{Command, Event, Inventory, Reservation, State, StockMovement};

/// The category of the streams with one order's reservation each.
pub const RESERVATIONS: &str = "reservation";
/// The category of the streams with one SKU's stock each.
pub const STOCK: &str = "stock";

/// What the service does when something happened: its column of the saga table.
const REACTIONS: &[Reaction] = &[
    Reaction::to(
        "OrderPlaced",
        "Reserve",
        "reserves every line, or none",
        &["StockReserved", "StockReservationRejected"],
    ),
    Reaction::to("PaymentCaptured", "Commit", "commits the reservation", &["StockCommitted"]),
    Reaction::to("PaymentDeclined", "Release", "releases", &["StockReleased"]),
    Reaction::to("ShipmentRejected", "Release", "restocks", &["StockReleased"]),
    Reaction::to("ShipmentCancelled", "Release", "releases or restocks", &["StockReleased"]),
];

impl Service for Inventory {
    type Public = InventoryEvent;
    type Internal = StockMovement;
    type Intent = NoIntent;

    const CONSUMES: &'static [&'static str] = &[OrderEvent::TOPIC, PaymentEvent::TOPIC, ShippingEvent::TOPIC];
    const CATEGORIES: &'static [&'static str] = &[RESERVATIONS, STOCK];
    const REACTIONS: &'static [Reaction] = REACTIONS;

    fn command_name(command: &Command) -> &'static str {
        command.into()
    }

    fn react(received: &Received) -> Option<Command> {
        let order_id = received.meta.order_id;
        match &received.event {
            ContractEvent::Order(OrderEvent::OrderPlaced(placed)) => Some(reserve(placed)),
            ContractEvent::Payment(PaymentEvent::PaymentCaptured(_)) => Some(Command::Commit(order_id)),
            ContractEvent::Payment(PaymentEvent::PaymentDeclined(_)) => {
                Some(Command::Release { order_id, reason: CancelReason::PaymentDeclined })
            }
            ContractEvent::Shipping(ShippingEvent::ShipmentRejected(_)) => {
                Some(Command::Release { order_id, reason: CancelReason::ShipmentRejected })
            }
            ContractEvent::Shipping(ShippingEvent::ShipmentCancelled(cancelled)) => {
                Some(Command::Release { order_id, reason: cancelled.reason })
            }
            _ => None,
        }
    }

    fn intent(_event: &Event) -> Option<NoIntent> {
        None
    }

    fn next_timer(_state: &State) -> Option<Timestamp> {
        None
    }

    fn on_timer(_stream: &StreamId) -> Option<Command> {
        None
    }

    /// A reservation's own stream tells which SKUs' streams a later step needs.
    fn streams(command: &Command, state: &State) -> Vec<StreamId> {
        let with_skus = |order_id: &OrderId, skus: &mut dyn Iterator<Item = StreamId>| {
            std::iter::once(StreamId::of_order(RESERVATIONS, *order_id)).chain(skus).collect()
        };
        match command {
            Command::Receive { sku, .. } => vec![StreamId::of_sku(STOCK, sku)],
            Command::Reserve { order_id, lines } => {
                with_skus(order_id, &mut lines.keys().map(|sku| StreamId::of_sku(STOCK, sku)))
            }
            Command::Commit(order_id) | Command::Release { order_id, .. } => {
                let lines = match &state.reservation {
                    Reservation::Held(lines) | Reservation::Committed(lines) => lines.as_slice(),
                    Reservation::New | Reservation::Rejected | Reservation::Released => &[],
                };
                with_skus(order_id, &mut lines.iter().map(|line| StreamId::of_sku(STOCK, &line.sku)))
            }
        }
    }

    fn stream_of(event: &Event) -> StreamId {
        match event {
            LogEvent::Public(event) => StreamId::of_order(RESERVATIONS, event.order_id()),
            LogEvent::Internal(event) => StreamId::of_sku(STOCK, &event.movement().sku),
        }
    }

    fn merge(parts: Vec<&State>) -> State {
        let mut joined = State::default();
        for part in parts {
            if part.reservation != Reservation::New {
                joined.reservation = part.reservation.clone();
            }
            joined.stock.extend(part.stock.clone());
        }
        joined
    }

    fn metric(_state: &State, event: &Event) -> Option<SagaMetric> {
        match event {
            LogEvent::Public(InventoryEvent::StockReleased(released)) => Some(SagaMetric::Undone(released.reason)),
            _ => None,
        }
    }

    fn status(state: &State) -> &'static str {
        if state.stock.is_empty() { state.reservation.status() } else { "stocked" }
    }
}

fn reserve(placed: &OrderPlaced) -> Command {
    let mut lines = BTreeMap::new();
    for line in &placed.lines {
        let quantity: &mut u32 = lines.entry(line.sku.clone()).or_default();
        // More than there can ever be is more than there is.
        *quantity = quantity.saturating_add(line.quantity);
    }
    Command::Reserve { order_id: placed.order_id, lines }
}
