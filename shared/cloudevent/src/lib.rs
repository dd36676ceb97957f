#![doc = include_str!("../README.md")]

mod contract;
mod error;
mod headers;
mod ids;
mod meta;
mod no_public_events;
pub mod upcast;

#[doc(hidden)]
pub use schemars;
#[doc(hidden)]
pub use serde_json;

pub use contract::{Contract, EventData, EventType, SubjectOf, Suite};
pub use error::ContractError;
pub use headers::{Envelope, headers, read};
pub use ids::{CorrelationId, EventId, Subject};
pub use meta::Meta;
pub use no_public_events::{NoPublicEvents, ReaderIdentity};
