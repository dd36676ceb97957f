//! The events of the payment service: facts about an order's money.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CancelReason, Money, OrderId, event::contract};

contract! {
    /// Facts of the payment service.
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
    pub order_id: OrderId,
    /// The gateway's id of the capture.
    pub capture_id: String,
    pub amount: Money,
}

/// The gateway declined the charge. Nothing was charged and nothing will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentDeclined {
    pub order_id: OrderId,
    /// The gateway's decline code.
    pub code: String,
}

/// The whole capture was refunded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    pub order_id: OrderId,
    /// The refunded capture.
    pub capture_id: String,
    /// The gateway's id of the refund.
    pub refund_id: String,
    pub amount: Money,
    /// Reason of the cancellation.
    pub reason: CancelReason,
}

/// The order was cancelled before it was charged. Nothing was charged and nothing will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentVoided {
    pub order_id: OrderId,
    /// Reason of the cancellation.
    pub reason: CancelReason,
}
