//! The events of the inventory service: facts about an order's stock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CancelReason, OrderId, Sku, event::contract};

contract! {
    /// Facts of the inventory service.
    InventoryEvent, owner Inventory {
        StockReserved, "2026-11";
        StockReservationRejected, "2026-11";
        StockCommitted, "2026-11";
        StockReleased, "2026-11";
    }
}

/// Every line of the order is held for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReserved {
    pub order_id: OrderId,
    /// Held units.
    pub lines: Vec<StockLine>,
}

/// A quantity of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct StockLine {
    pub sku: Sku,
    /// Units.
    #[schemars(range(min = 1))]
    pub quantity: u32,
}

/// At least one line is short, so nothing is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReservationRejected {
    pub order_id: OrderId,
    /// Every line that is short.
    pub shortages: Vec<Shortage>,
}

/// A line that is short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shortage {
    pub sku: Sku,
    /// Units ordered.
    pub requested: u32,
    /// Units on hand.
    pub available: u64,
}

/// The units of the paid order have left the stock. Cancellation puts them back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockCommitted {
    pub order_id: OrderId,
}

/// The order no longer holds stock: its reservation was released, or its committed units were put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockReleased {
    pub order_id: OrderId,
    /// Units available again; empty if the cancellation preceded the reservation.
    pub lines: Vec<StockLine>,
    /// Reason of the cancellation.
    pub reason: CancelReason,
}
