//! The operator's command, `sagactl`. Most tests have their own suite.

mod backlog;
mod cli_output;
mod dead_letters;
mod orders;
mod rebuild;
