//! The HTTP API: placing and cancelling orders, their current and past states, and the product catalog.

mod catalog;
mod follow;
mod orders;
mod requests;
mod timeline;
mod validate;

use std::sync::Arc;

use jiff::SignedDuration;
use runtime::{App, Config};
use utoipa::{OpenApi, openapi::OpenApi as Description};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::decider::Order;

/// State of the handlers.
#[derive(Clone)]
pub(crate) struct Handlers {
    app: App<Order>,
    /// Time after which an incomplete order requests its own cancellation.
    deadline: SignedDuration,
    /// Prefix of links to traces; empty for no links.
    trace_url: Arc<str>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Order service",
        description = "Accepts orders and tracks their progress. Every error is an RFC 9457 problem document."
    ),
    components(schemas(web::Problem))
)]
struct OrderApiInfo;

fn router() -> OpenApiRouter<Handlers> {
    OpenApiRouter::with_openapi(OrderApiInfo::openapi())
        .routes(routes!(orders::place, orders::list))
        .routes(routes!(orders::get))
        .routes(routes!(orders::cancel))
        .routes(routes!(timeline::get))
        .routes(routes!(follow::get))
        .routes(routes!(catalog::put, catalog::get))
        .routes(routes!(catalog::list))
}

/// Returns the OpenAPI document.
pub fn openapi_document() -> Description {
    runtime::with_operator_api(router().into_openapi())
}

/// Returns the routes and their OpenAPI document.
///
/// # Errors
/// `ORDER_DEADLINE_S` is not a number of seconds.
pub fn api(app: App<Order>, config: &Config) -> anyhow::Result<runtime::Api> {
    let deadline = SignedDuration::from_secs(config.service_var::<u32>("ORDER_DEADLINE_S")?.into());
    let trace_url = config.service_var::<String>("TRACE_URL")?.into();
    let (routes, description) = router().with_state(Handlers { app, deadline, trace_url }).split_for_parts();
    Ok(runtime::Api { routes, description })
}
