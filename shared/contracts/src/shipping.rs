//! The events of the shipping service, which owns the saga's pivot: what was dispatched can't be undone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CancelReason, OrderId, event::contract};

contract! {
    /// What the shipping service publishes.
    ShippingEvent, owner Shipping {
        ShipmentScheduled, "2026-11";
        ShipmentRejected, "2026-11";
        ShipmentCancelled, "2026-11";
        ShipmentCancellationRefused, "2026-11";
        ShipmentDispatched, "2026-11";
    }
}

/// The carrier will fetch the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentScheduled {
    /// The order.
    pub order_id: OrderId,
    /// The carrier's tracking number.
    pub tracking: String,
}

/// The carrier won't ship this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentRejected {
    /// The order.
    pub order_id: OrderId,
    /// The carrier's words.
    pub carrier_reason: String,
}

/// The order will not ship, whatever stage it had reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentCancelled {
    /// The order.
    pub order_id: OrderId,
    /// Why.
    pub reason: CancelReason,
}

/// The cancellation came after the dispatch: the order stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentCancellationRefused {
    /// The order.
    pub order_id: OrderId,
}

/// The parcel has left: the point of no return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShipmentDispatched {
    /// The order.
    pub order_id: OrderId,
    /// The carrier's tracking number.
    pub tracking: String,
}
