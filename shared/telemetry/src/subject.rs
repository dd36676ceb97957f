//! The field for the thing that a span or log line is about, and its exported name.
//!
//! Field names of `tracing` are fixed in the code, and the name of this attribute belongs to the domain. So the code writes
//! [`SUBJECT`], and the exporters and the log format write the domain's name.

use std::time::Duration;

use opentelemetry::{Context, InstrumentationScope, Key, logs::LogRecord as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord},
    trace::{Span, SpanData, SpanProcessor},
};

/// The field for the subject of a span or log line.
pub const SUBJECT: &str = "subject";

/// Exports [`SUBJECT`] under the domain's attribute name, then passes spans and logs on to the next processor.
#[derive(Debug)]
pub(crate) struct RenameSubject<P> {
    pub(crate) next: P,
    pub(crate) attribute: &'static str,
}

impl<P: SpanProcessor> SpanProcessor for RenameSubject<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        for attribute in span.attributes.iter_mut().filter(|attribute| attribute.key.as_str() == SUBJECT) {
            attribute.key = Key::from_static_str(self.attribute);
        }
        self.next.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

impl<P: LogProcessor> LogProcessor for RenameSubject<P> {
    /// Adds the attribute, because a record's attributes cannot be renamed.
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        let subject = record.attributes_iter().find(|(key, _)| key.as_str() == SUBJECT).map(|(_, value)| value.clone());
        if let Some(subject) = subject {
            record.add_attribute(self.attribute, subject);
        }
        self.next.emit(record, scope);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}
