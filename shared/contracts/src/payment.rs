//! The events of the payment service: what happened to the money of an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CancelReason, Money, OrderId, event::contract};

contract! {
    /// What the payment service publishes.
    PaymentEvent, owner Payment {
        PaymentCaptured, "2026-11";
        PaymentDeclined, "2026-11";
        PaymentRefunded, "2026-11";
        PaymentVoided, "2026-11";
    }
}

/// The order's total was charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCaptured {
    /// The order.
    pub order_id: OrderId,
    /// The gateway's name for the capture.
    pub capture_id: String,
    /// How much.
    pub amount: Money,
}

/// The gateway declined the charge. Nothing was charged and nothing will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentDeclined {
    /// The order.
    pub order_id: OrderId,
    /// The gateway's decline code.
    pub code: String,
}

/// The whole capture was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// The order.
    pub order_id: OrderId,
    /// The capture that was given back.
    pub capture_id: String,
    /// The gateway's name for the refund.
    pub refund_id: String,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: CancelReason,
}

/// The order was undone before it was charged. Nothing was charged and nothing will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentVoided {
    /// The order.
    pub order_id: OrderId,
    /// Why.
    pub reason: CancelReason,
}
