//! The events of the shipping service, which owns the saga's pivot: a dispatched order cannot be undone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CancelReason, OrderId, event::contract};

contract! {
    /// Facts of the shipping service.
    ShippingEvent, owner Shipping {
        ShipmentScheduled, "2026-11";
        ShipmentRejected, "2026-11";
        ShipmentCancelled, "2026-11";
        ShipmentCancellationRefused, "2026-11";
        ShipmentDispatched, "2026-11";
    }
}

/// The carrier has booked the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentScheduled {
    pub order_id: OrderId,
    /// The carrier's tracking number.
    pub tracking: String,
}

/// The carrier refused to ship the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentRejected {
    pub order_id: OrderId,
    /// The carrier's explanation.
    pub carrier_reason: String,
}

/// The order will not ship, whatever its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentCancelled {
    pub order_id: OrderId,
    /// Reason of the cancellation.
    pub reason: CancelReason,
}

/// The cancellation came after the dispatch, so the order ships.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentCancellationRefused {
    pub order_id: OrderId,
}

/// The parcel has left the warehouse: the point of no return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentDispatched {
    pub order_id: OrderId,
    /// The carrier's tracking number.
    pub tracking: String,
}
