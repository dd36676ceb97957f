//! Positions in traces, carried by headers and rows so that a trace continues across processes.

use std::collections::HashMap;

use opentelemetry::{
    Context,
    propagation::{Extractor, TextMapPropagator as _},
    trace::{SpanContext, TraceContextExt as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header for trace and span, <https://www.w3.org/TR/trace-context/>.
pub const TRACEPARENT: &str = "traceparent";
/// The header for vendor data beside [`TRACEPARENT`].
pub const TRACESTATE: &str = "tracestate";
/// The header for baggage, <https://www.w3.org/TR/baggage/>: here the correlation id.
pub const BAGGAGE: &str = "baggage";

/// A position in a trace, or none. Its text form is a `traceparent`, a blank and a `tracestate`.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace(SpanContext);

impl Default for Trace {
    fn default() -> Self {
        Self(SpanContext::empty_context())
    }
}

impl Trace {
    /// Parses headers; invalid headers result in no position.
    pub fn from_headers(traceparent: Option<&str>, tracestate: Option<&str>) -> Self {
        let named = [(TRACEPARENT, traceparent), (TRACESTATE, tracestate)];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Named(named.collect()));
        Self(context.span().span_context().clone())
    }

    /// Parses the text form; invalid text results in no position.
    pub fn from_text(text: &str) -> Self {
        let (traceparent, tracestate) =
            text.split_once(' ').map_or((text, None), |(parent, state)| (parent, Some(state)));
        Self::from_headers(Some(traceparent), tracestate)
    }

    /// The position of the current `tracing` span.
    pub fn current() -> Self {
        Self(tracing::Span::current().context().span().span_context().clone())
    }

    pub(crate) fn of(context: &SpanContext) -> Self {
        Self(context.clone())
    }

    pub(crate) fn span_context(&self) -> &SpanContext {
        &self.0
    }

    /// Returns whether there is a position.
    pub fn is_some(&self) -> bool {
        self.0.is_valid()
    }

    /// Returns this position, or the other if this is none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.is_some() { self } else { other }
    }

    /// The context with this position as the parent of new spans.
    pub fn context(&self) -> Context {
        Context::new().with_remote_span_context(self.0.clone())
    }

    /// The trace id in hexadecimal digits.
    pub fn trace_id(&self) -> Option<String> {
        self.is_some().then(|| self.0.trace_id().to_string())
    }

    /// The headers for this position.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let (trace_id, span_id, flags) = (self.0.trace_id(), self.0.span_id(), self.0.trace_flags().to_u8());
        let traceparent = self.is_some().then(|| (TRACEPARENT, format!("00-{trace_id}-{span_id}-{flags:02x}")));
        let state = self.0.trace_state().header();
        traceparent.into_iter().chain((self.is_some() && !state.is_empty()).then_some((TRACESTATE, state)))
    }
}

struct Named<'a>(HashMap<&'static str, &'a str>);

impl Extractor for Named<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).copied()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().copied().collect()
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<_> = self.headers().map(|(_, value)| value).collect();
        f.write_str(&headers.join(" "))
    }
}

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from_text(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn position_round_trips_through_headers_and_text() {
        let trace = Trace::from_headers(Some(PARENT), Some("a=1,b=2"));
        assert_eq!(trace.trace_id().as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
        let headers: Vec<_> = trace.headers().collect();
        assert_eq!(headers, [(TRACEPARENT, PARENT.to_owned()), (TRACESTATE, "a=1,b=2".to_owned())]);
        assert_eq!(Trace::from_text(&trace.to_string()).to_string(), trace.to_string());
    }

    #[test]
    fn trace_is_empty_when_headers_are_invalid() {
        for bad in ["", "00-0-0-01", "garbage", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            let trace = Trace::from_headers(Some(bad), None);
            assert!(!trace.is_some(), "{bad}");
            assert_eq!(trace.headers().count(), 0);
        }
        assert!(!Trace::from_headers(None, Some("a=1")).is_some());
    }
}
