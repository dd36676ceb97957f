//! What every service serves besides its own API, and the limits on all of it.

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

/// The largest request body, in bytes.
pub const BODY_LEN_MAX: usize = 64 * 1024;
/// How long a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What the service says about itself while it runs.
pub trait HealthChecks: Send + Sync + 'static {
    /// Why the service can't do its work now; `None`: it can.
    fn not_ready(&self) -> Option<String>;
    /// Its metrics in the Prometheus text format.
    fn metrics(&self) -> String;
}

/// Adds health, metrics, schemas and the API's description to a service's own routes, and bounds all of them.
pub fn with_standard_routes(routes: Router, api: OpenApi, probes: Arc<dyn HealthChecks>) -> Router {
    let api = Arc::new(api);
    let own = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(probes)
        .route("/openapi.json", get(move || async move { axum::Json(Arc::clone(&api)).into_response() }))
        .route("/schemas", get(schemas))
        .route("/schemas/{event}/{version}", get(schema));
    // HealthChecks come every few seconds and tell nothing; only the service's own API is traced.
    routes
        .layer(axum::middleware::from_fn(traced))
        .merge(own)
        .fallback(|| async { Problem::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
        })
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(axum::middleware::from_fn(bounded))
        .layer(CatchPanicLayer::custom(panicked))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response<Body> {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    error!(panic = message.unwrap_or("no message"), "a request's handler panicked");
    Problem::internal().into_response()
}

/// The client is told in time, although what it asked for may still happen.
async fn bounded(request: Request, next: Next) -> Response<Body> {
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answer.unwrap_or_else(|_| Problem::unavailable("the service did not answer in time").into_response())
}

async fn readyz(State(probes): State<Arc<dyn HealthChecks>>) -> Response<Body> {
    match probes.not_ready() {
        None => "ready\n".into_response(),
        Some(why) => Problem::unavailable(why).into_response(),
    }
}

async fn metrics(State(probes): State<Arc<dyn HealthChecks>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], probes.metrics())
}

async fn schemas() -> impl IntoResponse {
    let path = |(event, version)| format!("/schemas/{event}/{version}");
    axum::Json(contracts::schemas::all_committed().into_iter().map(path).collect::<Vec<_>>())
}

async fn schema(Path((event, version)): Path<(String, String)>) -> Result<impl IntoResponse, Problem> {
    let schema = contracts::schemas::committed(&event, &version)
        .ok_or_else(|| Problem::not_found(format!("{event} has no version {version}")))?;
    Ok(([(header::CONTENT_TYPE, "application/schema+json")], schema))
}
