//! Runs the suite on this machine: a Kafka broker, the services, the demonstration and the tests.
//!
//! The developer command `cargo saga` (binary `xtask`) and the end-to-end tests share these parts: [`broker`] provides
//! a Kafka broker, [`postgres`] a database server, [`suite`] the services, [`client`] sends HTTP requests to them.
//! Dropping a handle stops its processes; any end of this process, even by SIGKILL, stops the rest.

pub mod broker;
pub mod build;
pub mod client;
pub mod command;
pub mod compose;
pub mod conformance;
mod container;
pub mod demo;
pub mod generate;
pub mod mutants;
pub mod postgres;
pub mod process;
pub mod progress;
pub mod scaffold;
pub mod suite;
pub mod table;

pub use broker::{Broker, broker_from_env};
pub use build::workspace::Workspace;
pub use catalog::{PerService, ServiceName};
pub use client::{Client, Reply};
pub use postgres::Postgres;
pub use process::wait::wait_until;
pub use process::{children, ports, wait};
pub use progress::Progress;
pub use suite::Suite;
