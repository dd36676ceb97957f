//! The payment service: charges an order once, and refunds it when the order is cancelled.
//!
//! - [`decider`]: commands, events and decisions. Start here.
//! - [`policy`]: the reactions to events of other services.
//! - [`provider`]: the calls to the payment gateway.
//! - [`api`]: the HTTP API.

pub mod api;
pub mod decider;
pub mod policy;
pub mod provider;
