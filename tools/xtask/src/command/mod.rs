//! Commands that build a program of this workspace and pass their arguments on to it.

pub mod bench;
pub mod chaos;
pub mod contracts;
pub mod microbench;
pub mod test;
