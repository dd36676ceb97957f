//! The HTTP API: current and past shipments, and their dispatch.

use axum::extract;
use contracts::{OrderId, order::Address};
use decider::StreamId;
use runtime::{
    App, Config,
    pages::{AtQuery, PageQuery},
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema, openapi::OpenApi as Description};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{ListProblems, LookupProblems, PROBLEM_JSON, Path, Problem, Query, WriteProblems};

use crate::{
    decider::{Command, Shipping, State},
    policy::SHIPMENTS,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Shipping service",
        description = "Books and dispatches shipments. Every error is an RFC 9457 problem document."
    ),
    components(schemas(Problem))
)]
struct ShippingApiInfo;

fn router() -> OpenApiRouter<App<Shipping>> {
    OpenApiRouter::with_openapi(ShippingApiInfo::openapi())
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(dispatch))
}

/// Returns the OpenAPI document.
pub fn openapi_document() -> Description {
    runtime::with_operator_api(router().into_openapi())
}

/// Returns the routes and their OpenAPI document.
///
/// # Errors
/// Never fails; all services share the signature.
pub fn api(app: App<Shipping>, _: &Config) -> anyhow::Result<runtime::Api> {
    let (routes, description) = router().with_state(app).split_for_parts();
    Ok(runtime::Api { routes, description })
}

/// The shipment of one order.
#[derive(Debug, Serialize, ToSchema)]
struct ShipmentView {
    order_id: OrderId,
    /// `waiting`, `booking`, `scheduled`, `rejected`, `cancelled` or `dispatched`.
    status: &'static str,
    /// The destination; absent if the cancellation arrived before the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    /// The carrier's tracking number.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<String>,
}

impl ShipmentView {
    fn new(order_id: OrderId, state: State) -> Self {
        let (status, tracking) = (state.status(), state.tracking().map(str::to_owned));
        Self { order_id, status, address: state.into_destination().map(|destination| destination.address), tracking }
    }
}

/// A page of shipments.
#[derive(Debug, Serialize, ToSchema)]
struct ShipmentPage {
    /// Newest first.
    shipments: Vec<ShipmentView>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn unknown(order_id: OrderId) -> Problem {
    Problem::not_found(format!("no shipment for order {order_id}"))
}

/// Get the shipment of an order
///
/// Returns the current state, or the state as of `at`.
#[utoipa::path(get, path = "/shipments/{order_id}", tag = "shipments",
    params(("order_id" = Uuid, Path, description = "The order"), AtQuery),
    responses(
        (status = 200, body = ShipmentView),
        LookupProblems,
    ))]
async fn get(
    extract::State(app): extract::State<App<Shipping>>,
    Path(order_id): Path<OrderId>,
    Query(at): Query<AtQuery>,
) -> Result<axum::Json<ShipmentView>, Problem> {
    let found = app.state(StreamId::new(SHIPMENTS, order_id), at.up_to()?).await?;
    let (state, _) = found.ok_or_else(|| unknown(order_id))?;
    Ok(axum::Json(ShipmentView::new(order_id, state)))
}

/// List shipments
#[utoipa::path(get, path = "/shipments", tag = "shipments", params(PageQuery),
    responses(
        (status = 200, body = ShipmentPage),
        ListProblems,
    ))]
async fn list(
    extract::State(app): extract::State<App<Shipping>>,
    Query(page): Query<PageQuery>,
) -> Result<axum::Json<ShipmentPage>, Problem> {
    let (streams, next) = app.list(SHIPMENTS, page.check()?).await?;
    let shipments = streams
        .into_iter()
        .filter_map(|(head, state)| head.stream.id_in(SHIPMENTS).map(|order_id| ShipmentView::new(order_id, state)));
    Ok(axum::Json(ShipmentPage { shipments: shipments.collect(), next }))
}

/// Dispatch a scheduled shipment
///
/// This is the point of no return: the order cannot be cancelled afterwards.
#[utoipa::path(post, path = "/shipments/{order_id}/dispatch", tag = "shipments",
    params(("order_id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = ShipmentView, description = "The shipment is dispatched"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "Not found"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "The shipment is not scheduled"),
        WriteProblems,
    ))]
async fn dispatch(
    extract::State(app): extract::State<App<Shipping>>,
    Path(order_id): Path<OrderId>,
) -> Result<axum::Json<ShipmentView>, Problem> {
    let decided = app.submit(Command::Dispatch(order_id), None, None).await?;
    match decided.state {
        state @ State::Dispatched { .. } => Ok(axum::Json(ShipmentView::new(order_id, state))),
        State::New => Err(unknown(order_id)),
        state => Err(Problem::conflict(format!("the shipment is {}, not scheduled", state.status()))),
    }
}
