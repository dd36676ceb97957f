//! The payment gateway.

use async_trait::async_trait;
use contracts::{Money, OrderId};
use serde::{Deserialize, Serialize};

use crate::ProviderError;

/// Takes money from cards and gives it back.
///
/// A key has one charge and at most one refund of it. The first of a capture, a decline and a void closes the key, and
/// from then on every call tells that outcome.
#[async_trait]
pub trait PaymentGateway: Send + Sync + 'static {
    /// Charges once per key: called again with the same key it answers what it answered before.
    ///
    /// `card` is the gateway's token for the card.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`]; [`ProviderError::Refused`] when the amount is negative, or the key was used for
    /// another card or amount.
    async fn charge(&self, key: OrderId, card: &str, amount: Money) -> Result<ChargeAnswer, ProviderError>;

    /// Makes sure that the charge under this key never takes effect, unless it has already.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] only.
    async fn void(&self, key: OrderId) -> Result<VoidAnswer, ProviderError>;

    /// Gives the whole capture back, once per key.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`]; [`ProviderError::Refused`] when the key has no such capture, or one of another
    /// amount.
    async fn refund(&self, key: OrderId, capture_id: &str, amount: Money) -> Result<RefundAnswer, ProviderError>;
}

/// How a charge ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeAnswer {
    /// The money was taken.
    Captured {
        /// The gateway's name for the capture.
        capture_id: String,
    },
    /// Nothing was taken and nothing will be.
    Declined {
        /// The gateway's decline code, such as `card_declined`.
        code: String,
    },
    /// The key was voided first. Nothing was taken and nothing will be.
    Voided,
}

/// What a void found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidAnswer {
    /// Nothing was taken and nothing will be.
    Voided,
    /// Too late: the money was taken, and only a refund gives it back.
    Captured {
        /// The gateway's name for the capture.
        capture_id: String,
    },
    /// There was nothing to void: the charge had been declined.
    Declined {
        /// The gateway's decline code.
        code: String,
    },
}

/// The capture was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct RefundAnswer {
    /// The gateway's name for the refund.
    pub refund_id: String,
}
