//! Values that the services return.

use contracts::{EventId, Money};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// A product in the catalog that no other test uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestProduct {
    pub sku: String,
    /// Euro cents.
    pub price_minor: i64,
    /// Units received at the start.
    pub received: u64,
}

impl TestProduct {
    /// Expected stock after `reserved` units are held for orders and `shipped` units have left for paid ones.
    pub fn stock(&self, reserved: u64, shipped: u64) -> StockLevel {
        let on_hand = self.received.checked_sub(reserved + shipped).expect("units in use are at most those received");
        StockLevel { on_hand, reserved, shipped }
    }

    /// Expected stock while no order holds or took any unit.
    pub fn initial_stock(&self) -> StockLevel {
        self.stock(0, 0)
    }
}

/// Stock of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct StockLevel {
    /// Units that can be reserved.
    pub on_hand: u64,
    /// Units held for orders.
    pub reserved: u64,
    /// Units of paid orders.
    pub shipped: u64,
}

/// An event in an order's timeline.
#[derive(Debug, Clone, Deserialize)]
pub struct TimelineEntry {
    pub time: Timestamp,
    /// Service that published the event.
    pub service: String,
    /// Event type, without version.
    pub event: String,
    pub id: EventId,
    /// The event that caused this one.
    #[serde(default)]
    pub caused_by: Option<EventId>,
}

/// An amount in euro cents as JSON.
pub fn eur(minor: i64) -> Value {
    json!(Money::eur(minor))
}
