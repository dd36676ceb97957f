//! What the shipping service does about the events of others, which calls it makes, and where its events are kept.

use contracts::{
    Contract, Event as ContractEvent, OrderId, Received, inventory::InventoryEvent, order::OrderEvent,
    shipping::ShippingEvent,
};
use decider::{LogEvent, Reaction, SagaMetric, Service, StreamId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::decider::{Command, Destination, Event, ShipmentStep, Shipping, State};

/// The category of the streams with one order's shipment each.
pub const SHIPMENTS: &str = "shipment";

/// A call to the carrier. The order's id is the idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CarrierCall {
    /// Fetch a parcel.
    Book(Destination),
    /// Don't fetch it, if it was booked or ever will be.
    Cancel(OrderId),
}

/// What the service does when something happened: its column of the saga table.
const REACTIONS: &[Reaction] = &[
    Reaction::to("OrderPlaced", "Remember", "remembers where to ship", &["ShipmentScheduled", "ShipmentRejected"]),
    Reaction::to("StockCommitted", "Schedule", "books a parcel", &["ShipmentScheduled", "ShipmentRejected"]),
    Reaction::to(
        "OrderCancellationRequested",
        "Cancel",
        "cancels, unless dispatched: then refuses",
        &["ShipmentCancelled", "ShipmentCancellationRefused"],
    ),
    Reaction::asked_by("clerk", "Dispatch", "hands the parcel over", &["ShipmentDispatched"]),
];

impl Service for Shipping {
    type Public = ShippingEvent;
    type Internal = ShipmentStep;
    type Intent = CarrierCall;

    const CONSUMES: &'static [&'static str] = &[OrderEvent::TOPIC, InventoryEvent::TOPIC];
    const CATEGORIES: &'static [&'static str] = &[SHIPMENTS];
    const REACTIONS: &'static [Reaction] = REACTIONS;

    fn command_name(command: &Command) -> &'static str {
        command.into()
    }

    fn react(received: &Received) -> Option<Command> {
        let order_id = received.meta.order_id;
        match &received.event {
            ContractEvent::Order(OrderEvent::OrderPlaced(placed)) => {
                Some(Command::Remember(Destination { order_id, address: placed.address.clone() }))
            }
            ContractEvent::Order(OrderEvent::OrderCancellationRequested(requested)) => {
                Some(Command::Cancel { order_id, reason: requested.reason })
            }
            ContractEvent::Inventory(InventoryEvent::StockCommitted(_)) => Some(Command::Schedule(order_id)),
            _ => None,
        }
    }

    fn intent(event: &Event) -> Option<CarrierCall> {
        match event {
            LogEvent::Internal(ShipmentStep::BookingStarted(destination)) => {
                Some(CarrierCall::Book(destination.clone()))
            }
            LogEvent::Internal(ShipmentStep::BookingCancellationStarted { order_id }) => {
                Some(CarrierCall::Cancel(*order_id))
            }
            _ => None,
        }
    }

    fn next_timer(_state: &State) -> Option<Timestamp> {
        None
    }

    fn on_timer(_stream: &StreamId) -> Option<Command> {
        None
    }

    fn streams(command: &Command, _state: &State) -> Vec<StreamId> {
        let order_id = match command {
            Command::Remember(destination) => destination.order_id,
            Command::Schedule(order_id)
            | Command::Cancel { order_id, .. }
            | Command::SettleBooking { order_id, .. }
            | Command::SettleCancellation(order_id)
            | Command::Dispatch(order_id) => *order_id,
        };
        vec![StreamId::of_order(SHIPMENTS, order_id)]
    }

    fn stream_of(event: &Event) -> StreamId {
        let order_id = match event {
            LogEvent::Public(event) => event.order_id(),
            LogEvent::Internal(
                ShipmentStep::DestinationNoted(destination) | ShipmentStep::BookingStarted(destination),
            ) => destination.order_id,
            LogEvent::Internal(
                ShipmentStep::CommitmentNoted { order_id } | ShipmentStep::BookingCancellationStarted { order_id },
            ) => *order_id,
        };
        StreamId::of_order(SHIPMENTS, order_id)
    }

    fn metric(_state: &State, event: &Event) -> Option<SagaMetric> {
        match event {
            LogEvent::Public(ShippingEvent::ShipmentCancelled(cancelled)) => Some(SagaMetric::Undone(cancelled.reason)),
            _ => None,
        }
    }

    fn status(state: &State) -> &'static str {
        state.stage.status()
    }
}
