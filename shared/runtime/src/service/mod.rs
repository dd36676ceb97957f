//! A service process: its definition, configuration, start and end.

mod build;
mod cli;
mod config;
mod consumer_task;
mod definition;
mod environment;
mod health;
mod help;
mod reconnect;
mod runtime;
mod seams;
#[cfg(test)]
mod tests;
mod topics;

pub use cli::{run, run_with};
pub use config::{Config, ConfigError};
pub use definition::{Api, ServiceDefinition};
pub use environment::{Environment, ProcessEnvironment, Variable};
pub use runtime::Runtime;
pub use seams::{Direct, Seams};
