//! Faults: their schedule, and the code that injects them.

pub mod injector;
pub mod plan;
pub mod refusal;
pub(crate) mod rewind;
pub mod topic_fuzzer;
