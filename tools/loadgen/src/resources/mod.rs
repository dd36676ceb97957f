//! Processor time and memory of processes.

pub(crate) mod cost;
pub(crate) mod proc;
