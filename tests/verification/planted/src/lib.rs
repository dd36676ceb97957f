//! The inventory service's own source around a decider with a bug, which each binary chooses.
//!
//! The other planted bugs are wrappers around a service's calls to the outside; see `src/bin`.

#[path = "../../../../services/inventory/src/api.rs"]
pub mod api;
pub mod decider;
#[path = "../../../../services/inventory/src/decider.rs"]
pub mod honest;
#[path = "../../../../services/inventory/src/policy.rs"]
pub mod policy;
