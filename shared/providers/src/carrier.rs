//! The carrier.

use async_trait::async_trait;
use contracts::{OrderId, order::Address};
use serde::{Deserialize, Serialize};

use crate::ProviderError;

/// Fetches parcels and delivers them.
#[async_trait]
pub trait Carrier: Send + Sync + 'static {
    /// Books one parcel per key: called again with the same key it answers what it answered before.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`]; [`ProviderError::Refused`] when the key was used for another address.
    async fn book(&self, key: OrderId, address: &Address) -> Result<BookAnswer, ProviderError>;

    /// Closes the key: its booking, if there is one, is cancelled, and a later [`book`](Self::book) answers
    /// [`BookAnswer::Cancelled`].
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] only.
    async fn cancel(&self, key: OrderId) -> Result<(), ProviderError>;
}

/// How a booking ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookAnswer {
    /// The carrier will fetch the parcel.
    Booked {
        /// The carrier's tracking number.
        tracking: String,
    },
    /// The carrier won't ship to this address.
    Refused {
        /// The carrier's words.
        reason: String,
    },
    /// The key was cancelled, before or after it was booked. No parcel is fetched.
    Cancelled,
}
