//! Interface of the payment gateway.

use async_trait::async_trait;
use contracts::{Money, OrderId};
use serde::{Deserialize, Serialize};

use crate::ProviderError;

/// Charges and refunds cards.
///
/// A key has one charge and at most one refund of it. The first capture, decline or void closes the key, and every later call
/// returns that outcome.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    /// Charges once per key. A repeated call returns the first answer.
    ///
    /// `card` is the gateway's token for the card.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`]; [`ProviderError::Refused`] if the amount is negative, or the key was used for another
    /// card or amount.
    async fn charge(&self, key: OrderId, card: &str, amount: Money) -> Result<ChargeAnswer, ProviderError>;

    /// Prevents the charge of this key unless it has already taken effect.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] only.
    async fn void(&self, key: OrderId) -> Result<VoidAnswer, ProviderError>;

    /// Refunds the whole capture, once per key.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`]; [`ProviderError::Refused`] if the key does not have this capture with this amount.
    async fn refund(&self, key: OrderId, capture_id: &str, amount: Money) -> Result<RefundAnswer, ProviderError>;
}

/// The outcome of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeAnswer {
    /// The amount was captured.
    Captured {
        /// The gateway's id of the capture.
        capture_id: String,
    },
    /// Nothing was or will be captured.
    Declined {
        /// The gateway's decline code, such as `card_declined`.
        code: String,
    },
    /// The key was voided first. Nothing was or will be captured.
    Voided,
}

/// The outcome of a void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidAnswer {
    /// Nothing was or will be captured.
    Voided,
    /// The charge was captured before and must be refunded.
    Captured {
        /// The gateway's id of the capture.
        capture_id: String,
    },
    /// The charge was declined before.
    Declined {
        /// The gateway's decline code.
        code: String,
    },
}

/// A completed refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct RefundAnswer {
    /// The gateway's id of the refund.
    pub refund_id: String,
}
