#![doc = include_str!("../README.md")]

mod carrier;
mod gateway;
pub mod simulator;

pub use carrier::{BookAnswer, Carrier};
pub use gateway::{ChargeAnswer, PaymentGateway, RefundAnswer, VoidAnswer};

/// A call without an answer. A declined card or a refused address is an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// A transient failure with unknown outcome. Repeat the call with the same key.
    #[error("provider unavailable: {0}")]
    Unavailable(String),
    /// The call is invalid and had no effect. Repeating it does not help.
    #[error("provider refused the call: {0}")]
    Refused(String),
}
