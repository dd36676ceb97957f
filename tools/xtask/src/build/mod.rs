//! This workspace on this machine: its directories, and the programs that building and running it requires.

pub mod compile;
pub mod requirements;
pub mod workspace;
