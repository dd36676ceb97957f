#![doc = include_str!("../README.md")]

mod bug;
mod consumer;
mod early;
mod events;
mod faults;
mod point;
mod provider;
mod publisher;
mod seams;
mod store;
mod transaction;

use std::process::ExitCode;

use cloudevent::Contract as _;
use decider::Service;
pub use runtime::*;

/// Runs a service like [`runtime::run`], with the faults that the environment asks for.
pub fn run<S: Service>(definition: &ServiceDefinition<S>) -> ExitCode {
    runtime::run_with(definition, &seams::Faulty::from_environment(S::Public::TYPES))
}
