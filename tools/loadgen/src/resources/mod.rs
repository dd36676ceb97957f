//! Processor time, memory and disk writes of processes.

pub(crate) mod cost;
pub(crate) mod observer;
pub(crate) mod proc;
