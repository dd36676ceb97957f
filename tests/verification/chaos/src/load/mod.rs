//! Orders: a steady random flow, and scripted ones.

pub mod scripted_order;
pub mod traffic;
