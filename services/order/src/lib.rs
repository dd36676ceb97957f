//! The order service: accepts orders and tracks their outcome.
//!
//! - [`decider`]: commands, events and decisions. Start here.
//! - [`policy`]: the reactions to events of other services.
//! - [`api`]: the HTTP API.

pub mod api;
pub mod decider;
pub mod policy;
