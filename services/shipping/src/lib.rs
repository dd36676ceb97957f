//! The shipping service: hands parcels to the carrier, and decides whether an order can still be undone.
//!
//! - [`decider`]: what is decided. Read this first.
//! - [`policy`]: which event of another service leads to which command.
//! - [`provider`]: the calls to the outside world.
//! - [`api`]: HTTP, for people.

pub mod api;
pub mod decider;
pub mod policy;
pub mod provider;
