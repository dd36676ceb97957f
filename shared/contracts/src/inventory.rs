//! The events of the inventory service: what happened to the stock of an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CancelReason, OrderId, Sku, event::contract};

contract! {
    /// What the inventory service publishes.
    InventoryEvent, owner Inventory {
        StockReserved, "2026-11";
        StockReservationRejected, "2026-11";
        StockCommitted, "2026-11";
        StockReleased, "2026-11";
    }
}

/// Every line of the order is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    /// The order.
    pub order_id: OrderId,
    /// What is set aside.
    pub lines: Vec<StockLine>,
}

/// A quantity of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct StockLine {
    /// What.
    pub sku: Sku,
    /// How many.
    #[schemars(range(min = 1))]
    pub quantity: u32,
}

/// At least one line is not available, so nothing is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReservationRejected {
    /// The order.
    pub order_id: OrderId,
    /// What was missing.
    pub shortages: Vec<Shortage>,
}

/// A line that is not available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shortage {
    /// What.
    pub sku: Sku,
    /// How many were asked for.
    pub requested: u32,
    /// How many there were.
    pub available: u64,
}

/// The order is paid, and its units have left the stock for good unless it is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockCommitted {
    /// The order.
    pub order_id: OrderId,
}

/// The order holds no stock any more: a reservation was released, or committed units were put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReleased {
    /// The order.
    pub order_id: OrderId,
    /// What is available again; empty when the cancellation came before the reservation.
    pub lines: Vec<StockLine>,
    /// Why.
    pub reason: CancelReason,
}
