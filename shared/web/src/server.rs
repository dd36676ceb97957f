//! Routes that every service serves besides its own API, and limits on all routes.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{Response, StatusCode, header},
    middleware::Next,
    response::IntoResponse,
    routing::get,
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::error;
use utoipa::openapi::OpenApi;

use crate::{Path, Problem, traced::traced};

/// Maximum size of a request body in bytes.
pub const BODY_LEN_MAX: usize = 64 * 1024;
/// Maximum duration of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Health and metrics of a running service.
pub trait HealthChecks: Send + Sync + 'static {
    /// Returns the reason why the service cannot work now, or `None` if it can.
    fn not_ready(&self) -> Option<String>;
    /// Returns a fault that people should know about although the service can work.
    fn notice(&self) -> Option<String>;
    /// Renders the metrics in the Prometheus text format.
    fn metrics(&self) -> String;
}

/// The event schemas that a service serves under `/schemas`.
#[derive(Debug, Clone, Copy)]
pub struct Schemas {
    /// Lists event type and version of every schema.
    pub list: fn() -> Vec<(String, String)>,
    /// Finds the JSON Schema of an event type and version.
    pub find: fn(&str, &str) -> Option<Vec<u8>>,
}

/// Adds health, metrics, schemas and the OpenAPI document to a service's own routes, and limits all of them.
pub fn with_standard_routes(routes: Router, api: OpenApi, checks: Arc<dyn HealthChecks>, schemas: Schemas) -> Router {
    let api = Arc::new(api);
    let standard = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(checks)
        .route("/openapi.json", get(move || async move { axum::Json(Arc::clone(&api)).into_response() }))
        .route("/schemas", get(move || async move { list_schemas(schemas) }))
        .route(
            "/schemas/{event}/{version}",
            get(move |path: Path<(String, String)>| async move { find_schema(schemas, path) }),
        );
    // Trace the service's own API only: health checks are frequent and carry no information.
    routes
        .layer(axum::middleware::from_fn(traced))
        .merge(standard)
        .fallback(|| async { Problem::not_found("unknown path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed for this path")
        })
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(axum::middleware::from_fn(limit_duration))
        .layer(CatchPanicLayer::custom(panic_response))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panic_response(panic: Box<dyn std::any::Any + Send>) -> Response<Body> {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    error!(panic = message.unwrap_or("no message"), "request handler panicked");
    Problem::internal().into_response()
}

/// Responds in time, although the requested work may still take effect.
async fn limit_duration(request: Request, next: Next) -> Response<Body> {
    let response = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    response.unwrap_or_else(|_| Problem::unavailable("request timed out").into_response())
}

async fn readyz(State(checks): State<Arc<dyn HealthChecks>>) -> Response<Body> {
    match checks.not_ready() {
        None => {
            checks.notice().map_or_else(|| "ready\n".to_owned(), |notice| format!("ready; {notice}\n")).into_response()
        }
        Some(reason) => Problem::unavailable(reason).into_response(),
    }
}

async fn metrics(State(checks): State<Arc<dyn HealthChecks>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], checks.metrics())
}

fn list_schemas(schemas: Schemas) -> axum::Json<Vec<String>> {
    let path = |(event, version)| format!("/schemas/{event}/{version}");
    axum::Json((schemas.list)().into_iter().map(path).collect())
}

fn find_schema(schemas: Schemas, Path((event, version)): Path<(String, String)>) -> Result<Response<Body>, Problem> {
    let schema = (schemas.find)(&event, &version)
        .ok_or_else(|| Problem::not_found(format!("unknown version {version} of {event}")))?;
    Ok(([(header::CONTENT_TYPE, "application/schema+json")], schema).into_response())
}
