//! The events of the order service: what a customer asked for, and how it ended.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CancelReason, Money, OrderId, Sku, event::contract};

contract! {
    /// What the order service publishes.
    OrderEvent, owner Order {
        OrderPlaced, "2026-11";
        OrderCancellationRequested, "2026-11";
        OrderConfirmed, "2026-11";
        OrderCancelled, "2026-11";
    }
}

/// A customer placed an order. Starts the saga: inventory reserves its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    /// The order.
    pub order_id: OrderId,
    /// Who ordered, as the shop knows them.
    pub customer: String,
    /// What was ordered; one line per SKU.
    #[schemars(length(min = 1))]
    pub lines: Vec<OrderLine>,
    /// The sum of all lines.
    pub total: Money,
    /// The payment provider's token for the customer's card. A card number has no place in an event.
    pub payment_method: String,
    /// Where to ship.
    pub address: Address,
    /// When the order was accepted.
    pub placed_at: Timestamp,
    /// When an order that is still not complete gives up and asks for its own cancellation.
    pub deadline: Timestamp,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct OrderLine {
    /// What.
    pub sku: Sku,
    /// How many.
    #[schemars(range(min = 1))]
    pub quantity: u32,
    /// The catalog's price of one, when the order was placed.
    pub unit_price: Money,
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Address {
    /// Who receives the parcel.
    #[schema(example = "Ada Lovelace")]
    pub name: String,
    /// Street and house number.
    #[schema(example = "12 Analytical Way")]
    pub street: String,
    /// City.
    #[schema(example = "London")]
    pub city: String,
    /// Postal code.
    #[schema(example = "N1 7AA")]
    pub postal_code: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(example = "GB")]
    pub country: String,
}

/// The customer, or the order's deadline, wants the order undone. Shipping decides whether that is still possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancellationRequested {
    /// The order.
    pub order_id: OrderId,
    /// [`CancelReason::Customer`] or [`CancelReason::DeadlinePassed`].
    pub reason: CancelReason,
}

/// Stock is committed, the payment captured and the shipment scheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderConfirmed {
    /// The order.
    pub order_id: OrderId,
}

/// The order is undone: it holds neither stock nor money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// The order.
    pub order_id: OrderId,
    /// Why.
    pub reason: CancelReason,
}
