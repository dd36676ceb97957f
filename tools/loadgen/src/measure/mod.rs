//! Measurements: cases, sessions and their results.

pub(crate) mod case;
pub(crate) mod label;
pub(crate) mod measurement;
pub(crate) mod results;
pub(crate) mod run;
pub(crate) mod scenario;
mod session;
