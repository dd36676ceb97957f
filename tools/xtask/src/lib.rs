//! Running the suite on this machine: a Kafka broker, the four services, the demonstration and the tests.
//!
//! The developer command `cargo saga` (binary `xtask`) and the end-to-end tests are built from the same parts:
//! [`broker`] provides a Kafka, [`postgres`] a database server, [`suite`] the services, [`client`] talks HTTP to them. Whatever is started here is stopped
//! again when its handle is dropped, and at the latest when this process ends, however it ends.

pub mod bench;
pub mod broker;
pub mod chaos;
pub mod children;
pub mod client;
pub mod compose;
pub mod conformance;
mod container;
pub mod contracts;
pub mod demo;
mod keeper;
mod liveness;
pub mod micro;
pub mod mutants;
pub mod ports;
pub mod postgres;
mod process;
pub mod progress;
pub mod requirements;
pub mod suite;
pub mod table;
mod tail;
pub mod testing;
mod tool;
pub mod wait;
pub mod workspace;

pub use broker::{Broker, broker_from_env};
pub use client::{Client, Reply};
pub use postgres::Postgres;
pub use progress::Progress;
pub use suite::{PerService, ServiceName, Suite};
pub use wait::wait_until;
pub use workspace::Workspace;
