//! The inventory service, built around a decider with a bug, and the definitions of all services with bugs. Each binary
//! selects its bug.
//!
//! The other planted bugs decorate the client of a provider; see `src/bin`.

#[path = "../../../../services/inventory/src/api.rs"]
pub mod api;
#[path = "../../../../services/inventory/src/decider.rs"]
pub mod correct;
pub mod decider;
#[path = "../../../../services/inventory/src/policy.rs"]
pub mod policy;
pub mod services;
