//! Child processes, and a guarantee that none outlives this program.

pub(crate) mod child;
pub mod children;
pub(crate) mod group;
pub(crate) mod liveness;
pub mod ports;
mod reaper;
pub(crate) mod tail;
pub(crate) mod tool;
pub mod wait;
