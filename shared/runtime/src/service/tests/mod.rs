//! Tests of configuration and help.

mod config;
mod help;
