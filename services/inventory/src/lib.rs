//! The inventory service: keeps the stock: all lines of an order, or none.
//!
//! - [`decider`]: what is decided. Read this first.
//! - [`policy`]: which event of another service leads to which command.
//! - [`api`]: HTTP, for people.

pub mod api;
pub mod decider;
pub mod policy;
