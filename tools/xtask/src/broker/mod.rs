//! A Kafka broker: a given one, one left running by an earlier command, or one that this program starts in Docker or Java.

mod docker;
mod engine;
mod java;
mod persistent;
pub mod probe;
mod server;
mod settings;
mod state;

pub use persistent::{start, stop};
pub use server::{ADDRESS_VARIABLE, Broker, Kind, broker_from_env};
pub use state::{Handle, State, status};
