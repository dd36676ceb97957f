//! The HTTP API: current and past payments.

use axum::extract;
use contracts::{CancelReason, Money, OrderId};
use decider::StreamId;
use runtime::{
    App, Config,
    pages::{AtQuery, PageQuery},
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema, openapi::OpenApi as Description};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{ListProblems, LookupProblems, Path, Problem, Query};

use crate::{
    decider::{Payment, State},
    policy::PAYMENTS,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Payment service",
        description = "Looks up the payments of orders. Every error is an RFC 9457 problem document."
    ),
    components(schemas(Problem))
)]
struct PaymentApiInfo;

fn router() -> OpenApiRouter<App<Payment>> {
    OpenApiRouter::with_openapi(PaymentApiInfo::openapi()).routes(routes!(list)).routes(routes!(get))
}

/// Returns the OpenAPI document.
pub fn openapi_document() -> Description {
    runtime::with_operator_api(router().into_openapi())
}

/// Returns the routes and their OpenAPI document.
///
/// # Errors
/// Never fails; all services share the signature.
pub fn api(app: App<Payment>, _: &Config) -> anyhow::Result<runtime::Api> {
    let (routes, description) = router().with_state(app).split_for_parts();
    Ok(runtime::Api { routes, description })
}

/// The payment of one order.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentView {
    order_id: OrderId,
    /// `waiting`, `charging`, `voiding`, `captured`, `refunding`, `declined`, `refunded` or `voided`.
    status: &'static str,
    /// The amount due; absent if the cancellation arrived before the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// The gateway's id of the capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_id: Option<String>,
    /// The reason for the refund or void in progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CancelReason>,
}

impl PaymentView {
    fn new(order_id: OrderId, state: State) -> Self {
        let (status, amount) = (state.status(), state.amount());
        let (capture_id, reason) = match state {
            State::Captured { capture_id, .. } => (Some(capture_id), None),
            State::Refunding { capture_id, reason, .. } => (Some(capture_id), Some(reason)),
            State::Voiding { reason, .. } => (None, Some(reason)),
            State::New | State::OrderRecorded(_) | State::ReservationRecorded | State::Charging(_) => (None, None),
            State::Declined { .. } | State::Refunded { .. } | State::Voided { .. } => (None, None),
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

/// Get the payment of an order
///
/// Returns the current state, or the state as of `at`.
#[utoipa::path(get, path = "/payments/{order_id}", tag = "payments",
    params(("order_id" = Uuid, Path, description = "The order"), AtQuery),
    responses(
        (status = 200, body = PaymentView),
        LookupProblems,
    ))]
async fn get(
    extract::State(app): extract::State<App<Payment>>,
    Path(order_id): Path<OrderId>,
    Query(at): Query<AtQuery>,
) -> Result<axum::Json<PaymentView>, Problem> {
    let found = app.state(StreamId::new(PAYMENTS, order_id), at.up_to()?).await?;
    let (state, _) = found.ok_or_else(|| Problem::not_found(format!("no payment for order {order_id}")))?;
    Ok(axum::Json(PaymentView::new(order_id, state)))
}

/// List payments
#[utoipa::path(get, path = "/payments", tag = "payments", params(PageQuery),
    responses(
        (status = 200, body = PaymentPage),
        ListProblems,
    ))]
async fn list(
    extract::State(app): extract::State<App<Payment>>,
    Query(page): Query<PageQuery>,
) -> Result<axum::Json<PaymentPage>, Problem> {
    let (streams, next) = app.list(PAYMENTS, page.check()?).await?;
    let payments = streams
        .into_iter()
        .filter_map(|(head, state)| head.stream.id_in(PAYMENTS).map(|order_id| PaymentView::new(order_id, state)));
    Ok(axum::Json(PaymentPage { payments: payments.collect(), next }))
}
