#![doc = include_str!("../README.md")]

mod log_event;
mod named;
mod reaction;
mod service;
mod stream_id;

#[doc(hidden)]
pub use cloudevent;

pub use log_event::{InternalEvent, LogError, LogEvent, NoInternalEvents};
pub use named::Named;
pub use reaction::{Handler, Reaction, ReactionInfo, Trigger};
pub use service::{Decider, NoIntent, SagaMetric, Service};
pub use stream_id::StreamId;
