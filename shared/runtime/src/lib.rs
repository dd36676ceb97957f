#![doc = include_str!("../README.md")]

mod audit;
mod call;
mod consume;
mod http;
mod input;
mod maintain;
mod process;
mod publish;
mod service;
mod timers;
mod work_queue;

/// Serves the C libraries too. A service allocates a record in one thread and mostly frees it in another.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

pub use audit::{Audit, Difference, audit, audit_all, audit_now};
pub use call::{CallError, CallInfo, NoProvider, ProviderClient};
pub use consume::RecordConsumer;
pub use http::{
    App, AppError, Followed, ReplayProgress, ReplayRequest, ReplayState, TimelineRow, pages, with_operator_api,
};
pub use input::{Cause, Decision};
#[cfg(feature = "benches")]
pub use process::benches;
pub use publish::Publisher;
pub use service::{
    Api, Config, ConfigError, Direct, Environment, ProcessEnvironment, Runtime, Seams, ServiceDefinition, Variable,
    run, run_with,
};
pub use store::AsOf;
pub use telemetry::{CORRELATION_ID, SUBJECT};
