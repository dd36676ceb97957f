//! HTTP: look at shipments, now and as they were, and dispatch them.

use axum::extract::State;
use contracts::{OrderId, order::Address};
use decider::StreamId;
use runtime::{
    App, Config,
    pages::{AtQuery, PageQuery},
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema, openapi::OpenApi as Description};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{PROBLEM_JSON, Path, Problem, Query};

use crate::{
    decider::{Command, Shipping, State as Known},
    policy::SHIPMENTS,
};

#[derive(OpenApi)]
#[openapi(info(
    title = "Shipping service",
    description = "Hands parcels to the carrier. Every error is an RFC 9457 problem document."
))]
struct Info;

fn router() -> OpenApiRouter<App<Shipping>> {
    OpenApiRouter::with_openapi(Info::openapi()).routes(routes!(list)).routes(routes!(get)).routes(routes!(dispatch))
}

/// The API's description.
pub fn description() -> Description {
    router().into_openapi()
}

/// The routes with their description.
///
/// # Errors
/// None; the signature is every service's.
pub fn api(app: App<Shipping>, _: &Config) -> anyhow::Result<runtime::Api> {
    let (routes, description) = router().with_state(app).split_for_parts();
    Ok(runtime::Api { routes, description })
}

/// The parcel of one order.
#[derive(Debug, Serialize, ToSchema)]
struct ShipmentView {
    order_id: OrderId,
    /// `waiting`, `booking`, `scheduled`, `rejected`, `cancelled` or `dispatched`.
    status: &'static str,
    /// Where it goes; absent when the order's cancellation came before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address>,
    /// The carrier's tracking number.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<String>,
}

impl ShipmentView {
    fn new(order_id: OrderId, known: Known) -> Self {
        let (status, tracking) = (known.status(), known.tracking().map(str::to_owned));
        Self { order_id, status, address: known.into_destination().map(|destination| destination.address), tracking }
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
    Problem::not_found(format!("nothing is known of order {order_id}"))
}

/// Look at the parcel of an order
///
/// Now, or with `at` as it was.
#[utoipa::path(get, path = "/shipments/{order_id}", tag = "shipments",
    params(("order_id" = Uuid, Path, description = "The order"), AtQuery),
    responses(
        (status = 200, body = ShipmentView),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "A parameter is unknown"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "Nothing is known of the order"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "A parameter makes no sense"),
    ))]
async fn get(
    State(app): State<App<Shipping>>,
    Path(order_id): Path<OrderId>,
    Query(at): Query<AtQuery>,
) -> Result<axum::Json<ShipmentView>, Problem> {
    let known = app.state(StreamId::new(SHIPMENTS, order_id), at.up_to()?).await?;
    let (known, _) = known.ok_or_else(|| unknown(order_id))?;
    Ok(axum::Json(ShipmentView::new(order_id, known)))
}

/// List shipments
#[utoipa::path(get, path = "/shipments", tag = "shipments", params(PageQuery),
    responses(
        (status = 200, body = ShipmentPage),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "A parameter is unknown"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "A parameter makes no sense"),
    ))]
async fn list(
    State(app): State<App<Shipping>>,
    Query(page): Query<PageQuery>,
) -> Result<axum::Json<ShipmentPage>, Problem> {
    let (streams, next) = app.list(SHIPMENTS, page.check()?).await?;
    let shipments = streams
        .into_iter()
        .filter_map(|(head, known)| head.stream.id_in(SHIPMENTS).map(|order_id| ShipmentView::new(order_id, known)));
    Ok(axum::Json(ShipmentPage { shipments: shipments.collect(), next }))
}

/// Dispatch a scheduled shipment
///
/// The point of no return: the order can't be cancelled any more.
#[utoipa::path(post, path = "/shipments/{order_id}/dispatch", tag = "shipments",
    params(("order_id" = Uuid, Path, description = "The order")),
    responses(
        (status = 200, body = ShipmentView, description = "It is dispatched, now or before"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "Nothing is known of the order"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "It is not scheduled"),
        (status = 429, body = Problem, content_type = PROBLEM_JSON, description = "Too much is waiting; see Retry-After"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "The service can't take it now; see Retry-After"),
    ))]
async fn dispatch(
    State(app): State<App<Shipping>>,
    Path(order_id): Path<OrderId>,
) -> Result<axum::Json<ShipmentView>, Problem> {
    let decided = app.submit(Command::Dispatch(order_id), None, None).await?;
    match decided.state {
        state @ Known::Dispatched { .. } => Ok(axum::Json(ShipmentView::new(order_id, state))),
        Known::New => Err(unknown(order_id)),
        state => Err(Problem::conflict(format!("the shipment is {}, not scheduled", state.status()))),
    }
}
