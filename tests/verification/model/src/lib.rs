//! The whole saga in memory: the real deciders, policies and provider calls of all services, connected by a network,
//! providers, customers and a clock that behave in every possible way.
//!
//! - [`config`]: the scenarios of a run and the guarantees of the network.
//! - `world`: the state of the whole saga. Each action changes it and checks the invariants (`rules`).
//! - `network`: publication, loss and reception of records.
//! - [`explore`]: exploration of one schedule or of all schedules. An error names the violated rule and lists the schedule.
//! - [`bounds`]: the configurations that are explored in tests and in the deep run.
//! - [`choreography`]: the reactions declared by the services. Tests compare them with the explored ones, and
//!   [`documents`] are generated from them.
//!
//! Crashes need no separate action. A crash before the commit leaves the record pending; a crash after the commit
//! delivers the record again.
//!
//! Kafka may lose records ([`config::Guarantees::losses`]). An order that is stuck after a loss starts waves, in which the
//! services publish their facts about it again (`network`), as the runtime does.

mod actions;
pub mod bounds;
pub mod choreography;
pub mod config;
pub mod documents;
pub mod explore;
mod network;
mod providers;
mod rules;
pub mod schedule;
mod services;
mod transport;
mod world;
