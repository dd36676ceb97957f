//! Traces, logs and metrics. Nothing here can hold up or fail an order.
//!
//! - [`Telemetry`]: sets it all up, once, at a process's start.
//! - [`Metrics`]: every instrument, with its name, in one place.
//! - [`Spans`]: every span, with its name, kind and attributes, in one place.
//! - [`Trace`]: a place in a trace, as it travels in headers and waits in rows.

mod metrics;
mod setup;
mod spans;
mod trace;

pub use metrics::Metrics;
pub use opentelemetry::KeyValue;
pub use setup::{LogFormat, Settings, SetupError, Telemetry, check_filter};
pub use spans::{CORRELATION_ID, EVENT, EventAttributes, ORDER_ID, Span, Spans};
pub use trace::{BAGGAGE, TRACEPARENT, TRACESTATE, Trace};
