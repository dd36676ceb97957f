//! Tracing of requests: every request is a span that continues the client's trace or starts a new one.

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use telemetry::{TRACEPARENT, TRACESTATE, Trace};
use tracing::{Instrument as _, Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The response header for the trace id of the request.
const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// Handles the request in a span that follows <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>. Handlers record
/// [`telemetry::SUBJECT`] and [`telemetry::CORRELATION_ID`] in it.
pub(crate) async fn traced(request: Request, next: Next) -> Response {
    let span = span(&request);
    let parent = Trace::from_headers(text(request.headers(), TRACEPARENT), text(request.headers(), TRACESTATE));
    if parent.is_some() {
        // Fails only if tracing is off.
        let _ = span.set_parent(parent.context());
    }
    let trace_id = span.in_scope(Trace::current).or(parent).trace_id();
    span.record("trace_id", &trace_id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    if let Some(trace_id) = trace_id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert(TRACE_ID, trace_id);
    }
    response
}

fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = request.method().as_str();
    info_span!(
        "request",
        otel.name = format!("{method} {route}").trim_end(),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = Empty,
        subject = Empty,
        saga.correlation_id = Empty,
        trace_id = Empty,
    )
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
