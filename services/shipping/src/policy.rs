//! Shipping policy: reactions, carrier calls, and the layout of streams.

use contracts::{
    OrderId,
    inventory::StockCommitted,
    order::{OrderCancellationRequested, OrderPlaced},
    shipping::{
        ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
        ShippingEvent,
    },
};
use decider::{LogEvent, Reaction, SagaMetric, Service, StreamId, reactions};
use serde::{Deserialize, Serialize};

use crate::decider::{Command, Destination, Event, ShipmentStep, Shipping, State};

/// Category of streams about one order's shipment each.
pub const SHIPMENTS: &str = "shipment";

/// A call to the carrier. The order's id is the idempotency key. The names are storage format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CarrierCall {
    Book(Destination),
    /// Cancel the order's booking, even if it arrives later.
    Cancel(OrderId),
}

impl Service for Shipping {
    type Public = ShippingEvent;
    type Internal = ShipmentStep;
    type Intent = CarrierCall;

    const CATEGORIES: &'static [&'static str] = &[SHIPMENTS];
    const STATE_VERSION: u32 = 2;
    // The order and its commitment arrive in any order; the later one triggers the booking.
    const REACTIONS: &'static [Reaction<Command>] = reactions! {
        on OrderPlaced(placed) =>
            RecordOrder(Destination { order_id: placed.order_id, address: placed.address.clone() }):
            "records the destination", [ShipmentScheduled, ShipmentRejected];
        on StockCommitted(committed) => Schedule(committed.order_id):
            "books a parcel", [ShipmentScheduled, ShipmentRejected];
        on OrderCancellationRequested(requested) =>
            Cancel { order_id: requested.order_id, reason: requested.reason }:
            "cancels, unless dispatched: then refuses", [ShipmentCancelled, ShipmentCancellationRefused];
        request "clerk" => Dispatch: "hands the parcel over", [ShipmentDispatched];
    };

    fn streams(command: &Command, _: &State) -> Vec<StreamId> {
        let order_id = match command {
            Command::RecordOrder(destination) => destination.order_id,
            Command::Schedule(order_id)
            | Command::Cancel { order_id, .. }
            | Command::RecordBooking { order_id, .. }
            | Command::RecordCancellation(order_id)
            | Command::Dispatch(order_id) => *order_id,
        };
        vec![StreamId::new(SHIPMENTS, order_id)]
    }

    fn intent(event: &Event) -> Option<CarrierCall> {
        let LogEvent::Internal(step) = event else { return None };
        match step {
            ShipmentStep::OrderRecorded(_) | ShipmentStep::CommitmentRecorded { .. } => None,
            ShipmentStep::BookingStarted(destination) => Some(CarrierCall::Book(destination.clone())),
            ShipmentStep::BookingCancellationStarted { order_id } => Some(CarrierCall::Cancel(*order_id)),
        }
    }

    fn metric(_: &State, event: &Event) -> Option<SagaMetric> {
        match event.public()? {
            ShippingEvent::ShipmentCancelled(cancelled) => {
                Some(SagaMetric::Compensated { reason: cancelled.reason.into() })
            }
            ShippingEvent::ShipmentScheduled(_)
            | ShippingEvent::ShipmentRejected(_)
            | ShippingEvent::ShipmentCancellationRefused(_)
            | ShippingEvent::ShipmentDispatched(_) => None,
        }
    }

    fn status(state: &State) -> &'static str {
        state.status()
    }
}
