//! HTTP: look at payments, now and as they were.

use axum::extract::State;
use contracts::{CancelReason, Money, OrderId};
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
    decider::{Payment, State as Known},
    policy::PAYMENTS,
};

#[derive(OpenApi)]
#[openapi(info(
    title = "Payment service",
    description = "Tells what became of an order's money. Every error is an RFC 9457 problem document."
))]
struct Info;

fn router() -> OpenApiRouter<App<Payment>> {
    OpenApiRouter::with_openapi(Info::openapi()).routes(routes!(list)).routes(routes!(get))
}

/// The API's description.
pub fn description() -> Description {
    router().into_openapi()
}

/// The routes with their description.
///
/// # Errors
/// None; the signature is every service's.
pub fn api(app: App<Payment>, _: &Config) -> anyhow::Result<runtime::Api> {
    let (routes, description) = router().with_state(app).split_for_parts();
    Ok(runtime::Api { routes, description })
}

/// The money of one order.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentView {
    order_id: OrderId,
    /// `waiting`, `charging`, `voiding`, `captured`, `refunding`, `declined`, `refunded` or `voided`.
    status: &'static str,
    /// What the order costs; absent when its cancellation came before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// The gateway's name for what was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_id: Option<String>,
    /// Why it is being given back or called off.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CancelReason>,
}

impl PaymentView {
    fn new(order_id: OrderId, known: Known) -> Self {
        let (status, amount) = (known.status(), known.amount());
        let (capture_id, reason) = match known {
            Known::Captured { capture_id, .. } => (Some(capture_id), None),
            Known::Refunding { capture_id, reason, .. } => (Some(capture_id), Some(reason)),
            Known::Voiding { reason, .. } => (None, Some(reason)),
            Known::New | Known::OrderRecorded(_) | Known::ReservationRecorded | Known::Charging(_) => (None, None),
            Known::Declined { .. } | Known::Refunded { .. } | Known::Voided { .. } => (None, None),
        };
        Self { order_id, status, amount, capture_id, reason }
    }
}

/// A page of payments.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentPage {
    /// Newest first.
    payments: Vec<PaymentView>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Look at the money of an order
///
/// Now, or with `at` as it was.
#[utoipa::path(get, path = "/payments/{order_id}", tag = "payments",
    params(("order_id" = Uuid, Path, description = "The order"), AtQuery),
    responses(
        (status = 200, body = PaymentView),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "A parameter is unknown"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "Nothing is known of the order"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "A parameter makes no sense"),
    ))]
async fn get(
    State(app): State<App<Payment>>,
    Path(order_id): Path<OrderId>,
    Query(at): Query<AtQuery>,
) -> Result<axum::Json<PaymentView>, Problem> {
    let known = app.state(StreamId::new(PAYMENTS, order_id), at.up_to()?).await?;
    let (known, _) = known.ok_or_else(|| Problem::not_found(format!("nothing is known of order {order_id}")))?;
    Ok(axum::Json(PaymentView::new(order_id, known)))
}

/// List payments
#[utoipa::path(get, path = "/payments", tag = "payments", params(PageQuery),
    responses(
        (status = 200, body = PaymentPage),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "A parameter is unknown"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "A parameter makes no sense"),
    ))]
async fn list(
    State(app): State<App<Payment>>,
    Query(page): Query<PageQuery>,
) -> Result<axum::Json<PaymentPage>, Problem> {
    let (streams, next) = app.list(PAYMENTS, page.check()?).await?;
    let payments = streams
        .into_iter()
        .filter_map(|(head, known)| head.stream.id_in(PAYMENTS).map(|order_id| PaymentView::new(order_id, known)));
    Ok(axum::Json(PaymentPage { payments: payments.collect(), next }))
}
