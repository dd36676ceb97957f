//! What the services tell about themselves.

use contracts::{EventId, Money};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// Something in the catalog that no other test uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// What it is called in orders and in the stock.
    pub sku: String,
    /// Euro cents.
    pub price_minor: i64,
    /// How many there were at first.
    pub received: u64,
}

impl Product {
    /// Its stock when this many are held for orders and this many have left for paid ones.
    pub fn stock(&self, reserved: u64, shipped: u64) -> Stock {
        let on_hand = self.received.checked_sub(reserved + shipped).expect("no more can be gone than came");
        Stock { on_hand, reserved, shipped }
    }

    /// Its stock when nothing ever happened to it.
    pub fn untouched(&self) -> Stock {
        self.stock(0, 0)
    }
}

/// The stock of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Stock {
    /// Units that can be reserved.
    pub on_hand: u64,
    /// Units held for orders.
    pub reserved: u64,
    /// Units of paid orders.
    pub shipped: u64,
}

/// An event in an order's timeline.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// When it happened.
    pub time: Timestamp,
    /// Whose event it is.
    pub service: String,
    /// Its type.
    pub event: String,
    /// Its id.
    pub id: EventId,
    /// The event that led to it.
    #[serde(default)]
    pub caused_by: Option<EventId>,
}

/// An amount in euro cents as JSON.
pub fn eur(minor: i64) -> Value {
    json!(Money::eur(minor))
}
