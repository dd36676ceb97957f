//! The payment service: charges an order once, and gives the money back when the order is undone.
//!
//! - [`decider`]: what is decided. Read this first.
//! - [`policy`]: which event of another service leads to which command.
//! - [`provider`]: the calls to the outside world.
//! - [`api`]: HTTP, for people.

pub mod api;
pub mod decider;
pub mod policy;
pub mod provider;
