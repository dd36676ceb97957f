//! The operator's command, `sagactl`, on suites of its own.

mod dead_letters;
mod orders;
mod rebuild;
mod waiting;
mod words;
