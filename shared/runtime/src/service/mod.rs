//! A service process, from its configuration to its graceful end.

mod config;
mod health;
mod run;

pub use config::{Config, ConfigError, Environment, ProcessEnvironment, Variable};
pub use run::{Api, ServiceDefinition, run};
