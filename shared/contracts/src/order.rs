//! The events of the order service: an order's request and outcome.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CancelReason, Money, OrderId, Sku, event::contract};

contract! {
    /// Facts of the order service.
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
    pub order_id: OrderId,
    /// The shop's id of the customer.
    pub customer: String,
    /// One line per SKU.
    #[schemars(length(min = 1))]
    pub lines: Vec<OrderLine>,
    /// The sum of all lines.
    pub total: Money,
    /// The payment provider's token for the card. Card numbers do not belong in events.
    pub payment_method: String,
    /// Delivery address.
    pub address: Address,
    /// Time of acceptance.
    pub placed_at: Timestamp,
    /// Time at which an incomplete order requests its own cancellation.
    pub deadline: Timestamp,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct OrderLine {
    pub sku: Sku,
    /// Units.
    #[schemars(range(min = 1))]
    pub quantity: u32,
    /// The catalog's price of one unit at the time of the order.
    pub unit_price: Money,
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
pub struct Address {
    /// Recipient.
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

/// The customer, or the order's deadline, requests the cancellation. Shipping decides whether it is still possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancellationRequested {
    pub order_id: OrderId,
    /// [`CancelReason::Customer`] or [`CancelReason::DeadlinePassed`].
    pub reason: CancelReason,
}

/// Stock is committed, the payment captured and the shipment scheduled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderConfirmed {
    pub order_id: OrderId,
}

/// The order is cancelled and holds neither stock nor money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    pub order_id: OrderId,
    /// Reason of the cancellation.
    pub reason: CancelReason,
}
