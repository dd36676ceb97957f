//! The shell around a decider. It runs any [`decider::Service`]:
//!
//! ```text
//! Kafka ──▶ intake ─┐
//! HTTP  ──▶ App  ───┤                                  ┌─▶ relay ──▶ Kafka
//!                   ├─▶ processor ─▶ one transaction ──┤
//! answers, timers ──┘   (a batch)    then commit       └─▶ performer ──▶ the outside world
//! ```
//!
//! - [`intake`](mod@intake): records become inputs.
//! - [`failure`]: what can't be handled now is parked and tried again; what never can becomes a dead letter.
//! - [`processor`]: takes what has arrived, runs [`batch`] as one transaction, and gives out what it committed.
//! - [`relay`]: publishes the outbox, in order.
//! - [`performer`]: makes the calls that the service asked for; answers come back as inputs.
//! - [`retrier`]: has parked records tried again when their time has come.
//! - [`janitor`]: forgets messages that can't come again.
//! - [`timer`]: wakes streams whose time has come.
//! - [`app`]: what a service's HTTP API works with.
//! - [`audit`](mod@audit): a stream rebuilt from its log alone, for tools.
//! - [`run`]: all of it, from the configuration to the graceful end.

mod app;
mod arrival;
mod audit;
mod backlog;
mod batch;
#[cfg(feature = "benches")]
pub mod benches;
mod config;
mod failure;
mod feed;
mod follow;
mod gauges;
mod health;
mod input;
mod intake;
mod janitor;
mod pace;
mod performer;
mod planted;
mod processor;
mod readiness;
mod relay;
mod retrier;
mod run;
mod throttle;
mod timer;

/// Of the C libraries too. What a service allocates in one thread, a record, is mostly freed in another.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

pub use app::{App, AppError, TimelineRow, pages};
pub use audit::{Audit, Difference, audit, audit_all, audit_now};
pub use config::{Config, ConfigError, Environment, ProcessEnvironment, Variable};
pub use follow::Followed;
pub use input::{Cause, Decided};
pub use performer::{CallError, CallInfo, NoProvider, ProviderClient};
pub use run::{Api, ServiceDefinition, run};
pub use store::AsOf;
pub use telemetry::{CORRELATION_ID, ORDER_ID};
