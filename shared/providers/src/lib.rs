//! The outside world, as the services need it: a payment gateway and a carrier.
//!
//! A service knows the two traits and nothing else. For each there is one honest [`simulator`], with its own durable
//! ledger, which makes the trouble that real providers make: it is down, slow, or answers into the void.
//!
//! Every call carries the order's id as its idempotency key. Repeating a call is therefore always safe, and it is the
//! only thing to do after [`ProviderError::Unavailable`]: whether the call took effect is not known then.

mod carrier;
mod gateway;
pub mod simulator;

pub use carrier::{BookAnswer, Carrier};
pub use gateway::{ChargeAnswer, PaymentGateway, RefundAnswer, VoidAnswer};

/// A call that got no answer. That a card is declined or an address refused is an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Transient, and the outcome is unknown: call again with the same key.
    #[error("provider unavailable: {0}")]
    Unavailable(String),
    /// The call itself is wrong and had no effect; calling again won't help.
    #[error("provider refused the call: {0}")]
    Refused(String),
}
