//! Interface of the carrier.

use async_trait::async_trait;
use contracts::{OrderId, order::Address};
use serde::{Deserialize, Serialize};

use crate::ProviderError;

/// Collects and delivers parcels.
#[async_trait]
pub trait Carrier: Send + Sync + 'static {
    /// Books one parcel per key. A repeated call returns the first answer.
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`]; [`ProviderError::Refused`] if the key was used for another address.
    async fn book(&self, key: OrderId, address: &Address) -> Result<BookAnswer, ProviderError>;

    /// Closes the key: cancels its booking, if any, and makes later calls of [`book`](Self::book) return
    /// [`BookAnswer::Cancelled`].
    ///
    /// # Errors
    /// [`ProviderError::Unavailable`] only.
    async fn cancel(&self, key: OrderId) -> Result<(), ProviderError>;
}

/// The outcome of a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookAnswer {
    /// The carrier will collect the parcel.
    Booked {
        /// The carrier's tracking number.
        tracking: String,
    },
    /// The carrier does not ship to this address.
    Refused {
        /// The carrier's explanation.
        reason: String,
    },
    /// The key was cancelled before or after its booking. No parcel is collected.
    Cancelled,
}
