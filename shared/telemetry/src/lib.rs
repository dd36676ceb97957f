#![doc = include_str!("../README.md")]

mod log_format;
mod metrics;
mod setup;
mod spans;
mod subject;
mod trace;

pub use log_format::LogFormat;
pub use metrics::Metrics;
pub use opentelemetry::KeyValue;
pub use setup::{Settings, SetupError, Telemetry, check_filter};
pub use spans::{CORRELATION_ID, EVENT, EventAttributes, Span, Spans};
pub use subject::SUBJECT;
pub use trace::{BAGGAGE, TRACEPARENT, TRACESTATE, Trace};
