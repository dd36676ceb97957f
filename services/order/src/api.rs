//! HTTP: place and cancel orders, look at them now and as they were, keep the catalog.

mod catalog;
mod follow;
mod orders;
mod timeline;
mod validate;

use std::sync::Arc;

use jiff::SignedDuration;
use runtime::{App, Config};
use utoipa::{OpenApi, openapi::OpenApi as Description};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::decider::Order;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Handlers {
    app: App<Order>,
    /// How long an order may take before it asks for its own cancellation.
    deadline: SignedDuration,
    /// What a link to a trace begins with; empty: there are no links.
    trace_url: Arc<str>,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Order service",
    description = "Takes orders and tells how they ended. Every error is an RFC 9457 problem document."
))]
struct Info;

fn router() -> OpenApiRouter<Handlers> {
    OpenApiRouter::with_openapi(Info::openapi())
        .routes(routes!(orders::place, orders::list))
        .routes(routes!(orders::get))
        .routes(routes!(orders::cancel))
        .routes(routes!(timeline::get))
        .routes(routes!(follow::get))
        .routes(routes!(catalog::put, catalog::get))
        .routes(routes!(catalog::list))
}

/// The API's description.
pub fn description() -> Description {
    router().into_openapi()
}

/// The routes with their description.
///
/// # Errors
/// `ORDER_DEADLINE_S` is not a number of seconds.
pub fn api(app: App<Order>, config: &Config) -> anyhow::Result<runtime::Api> {
    let deadline = SignedDuration::from_secs(config.service_var::<u32>("ORDER_DEADLINE_S")?.into());
    let trace_url = config.service_var::<String>("TRACE_URL")?.into();
    let (routes, description) = router().with_state(Handlers { app, deadline, trace_url }).split_for_parts();
    Ok(runtime::Api { routes, description })
}
