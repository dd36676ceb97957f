//! The shipping service: hands parcels to the carrier, and decides whether an order can still be cancelled.
//!
//! - [`decider`]: commands, events and decisions. Start here.
//! - [`policy`]: the reactions to events of other services.
//! - [`provider`]: the calls to the carrier.
//! - [`api`]: the HTTP API.

pub mod api;
pub mod decider;
pub mod policy;
pub mod provider;
