//! Placing, reading, listing and cancelling orders.

use axum::{
    extract,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use contracts::{
    CancelReason, CorrelationId, Money, OrderId,
    order::{Address, OrderLine, OrderPlaced},
};
use decider::StreamId;
use jiff::Timestamp;
use runtime::{
    CORRELATION_ID, SUBJECT,
    pages::{AtQuery, PageQuery},
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::{
    BodyProblems, FieldError, IdempotencyKey, IdempotencyParam, Json, ListProblems, LookupProblems, PROBLEM_JSON, Path,
    Problem, Query, WriteProblems,
};

use super::{Handlers, requests::NewOrder, validate};
use crate::{
    decider::{Command, OrderState, PlaceOrder, State},
    policy::ORDERS,
};

/// The header for the id shared by all effects of one request.
const X_CORRELATION_ID: &str = "x-correlation-id";

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
struct CorrelationParam {
    /// An id carried by all effects of this request.
    #[param(rename = "X-Correlation-Id", nullable = false)]
    correlation_id: Option<Uuid>,
}

/// An order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct OrderView {
    order_id: OrderId,
    /// `placed`, `stock_reserved`, `paid`, `stock_committed`, `confirmed`, `dispatched`, `cancelling` or `cancelled`.
    status: &'static str,
    /// The reason for the cancellation, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CancelReason>,
    customer: String,
    lines: Vec<OrderLine>,
    total: Money,
    address: Address,
    /// Time of acceptance.
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
    /// Time at which an incomplete order requests its own cancellation.
    #[schema(value_type = String, format = DateTime)]
    deadline: Timestamp,
}

impl From<&OrderState> for OrderView {
    fn from(order: &OrderState) -> Self {
        let OrderPlaced { order_id, customer, lines, total, address, placed_at, deadline, .. } = order.placed.clone();
        let (status, reason) = (order.status(), order.reason());
        Self { order_id, status, reason, customer, lines, total, address, placed_at, deadline }
    }
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderPage {
    /// Newest first.
    orders: Vec<OrderView>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Place an order
///
/// The order is accepted when it is stored durably. Its `Location` shows its progress.
#[utoipa::path(post, operation_id = "place_order", path = "/orders", tag = "orders", request_body = NewOrder,
    params(IdempotencyParam, CorrelationParam),
    responses(
        (status = 202, body = OrderView, headers(
            ("Location" = String, description = "The URL of the order"),
            ("X-Correlation-Id" = Uuid, description = "An id carried by all effects of this request"),
        )),
        BodyProblems,
        WriteProblems,
    ))]
pub(super) async fn place(
    extract::State(Handlers { app, deadline, .. }): extract::State<Handlers>,
    key: IdempotencyKey,
    headers: HeaderMap,
    Json(order): Json<NewOrder>,
) -> Result<impl IntoResponse, Problem> {
    validate::order(&order)?;
    let correlation_id = correlation_id(&headers)?;
    let placed_at = now();
    let placement = PlaceOrder {
        // The same key gives the same order id, so that placing the order again changes nothing.
        order_id: OrderId(key.id("POST /orders").unwrap_or_else(Uuid::now_v7)),
        customer: order.customer,
        lines: order.lines.into_iter().map(|line| (line.sku, line.quantity)).collect(),
        payment_method: order.payment_method,
        address: order.address,
        placed_at,
        deadline: placed_at + deadline,
    };
    record_order(placement.order_id, Some(correlation_id));
    app.admit()?;
    let decided = app.submit(Command::Place(Box::new(placement.clone())), None, Some(correlation_id)).await?;
    let Some(order) = &decided.state.order else { return Err(placement_problem(&placement, &decided.state)) };
    if !is_same_order(&placement, &order.placed) {
        return Err(Problem::invalid(vec![FieldError::new("Idempotency-Key", "already used for another order")]));
    }
    let location = format!("/orders/{}", order.placed.order_id);
    let correlation_id = decided.correlation_id.unwrap_or(correlation_id).to_string();
    let headers = [(header::LOCATION.as_str(), location), (X_CORRELATION_ID, correlation_id)];
    Ok((StatusCode::ACCEPTED, headers, axum::Json(OrderView::from(order))))
}

/// Records the order in the request's span, which passes it to every log line within.
fn record_order(order_id: OrderId, correlation_id: Option<CorrelationId>) {
    let span = tracing::Span::current();
    span.record(SUBJECT, tracing::field::display(order_id));
    if let Some(correlation_id) = correlation_id {
        span.record(CORRELATION_ID, tracing::field::display(correlation_id));
    }
}

fn correlation_id(headers: &HeaderMap) -> Result<CorrelationId, Problem> {
    let Some(value) = headers.get(X_CORRELATION_ID) else { return Ok(CorrelationId(Uuid::now_v7())) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "invalid header X-Correlation-Id, expected a UUID"))
}

/// The current time in whole microseconds, the precision of the store.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

fn placement_problem(placement: &PlaceOrder, state: &State) -> Problem {
    let unknown = placement.lines.iter().enumerate().filter(|(_, (sku, _))| !state.products.contains_key(sku));
    let errors: Vec<_> = unknown
        .map(|(index, (sku, _))| FieldError::new(format!("/lines/{index}/sku"), format!("{sku} is not for sale")))
        .collect();
    if errors.is_empty() {
        return Problem::invalid(vec![FieldError::new("/lines", "mix currencies or exceed the maximum total")]);
    }
    Problem::invalid(errors)
}

fn is_same_order(placement: &PlaceOrder, placed: &OrderPlaced) -> bool {
    let lines = placed.lines.iter().map(|line| (&line.sku, line.quantity));
    placement.customer == placed.customer
        && placement.payment_method == placed.payment_method
        && placement.address == placed.address
        && placement.lines.iter().map(|(sku, quantity)| (sku, *quantity)).eq(lines)
}

/// Get an order
///
/// Returns the current state, or the state as of `at`.
#[utoipa::path(get, operation_id = "get_order", path = "/orders/{order_id}", tag = "orders",
    params(("order_id" = Uuid, Path, description = "The order"), AtQuery),
    responses(
        (status = 200, body = OrderView),
        LookupProblems,
    ))]
pub(super) async fn get(
    extract::State(Handlers { app, .. }): extract::State<Handlers>,
    Path(order_id): Path<OrderId>,
    Query(at): Query<AtQuery>,
) -> Result<axum::Json<OrderView>, Problem> {
    let found = app.state(StreamId::new(ORDERS, order_id), at.up_to()?).await?;
    let order = found.and_then(|(state, _)| state.order).ok_or_else(|| unknown(order_id))?;
    Ok(axum::Json(OrderView::from(&order)))
}

pub(super) fn unknown(order_id: OrderId) -> Problem {
    Problem::not_found(format!("there is no order {order_id}"))
}

/// List orders
#[utoipa::path(get, operation_id = "list_orders", path = "/orders", tag = "orders", params(PageQuery),
    responses(
        (status = 200, body = OrderPage),
        ListProblems,
    ))]
pub(super) async fn list(
    extract::State(Handlers { app, .. }): extract::State<Handlers>,
    Query(page): Query<PageQuery>,
) -> Result<axum::Json<OrderPage>, Problem> {
    let (streams, next) = app.list(ORDERS, page.check()?).await?;
    let orders = streams.iter().filter_map(|(_, state)| state.order.as_ref()).map(OrderView::from).collect();
    Ok(axum::Json(OrderPage { orders, next }))
}

/// Cancel an order
///
/// Accepted until the order is dispatched. The shipping service decides whether the cancellation succeeds.
#[utoipa::path(post, operation_id = "cancel_order", path = "/orders/{order_id}/cancel", tag = "orders",
    params(("order_id" = Uuid, Path, description = "The order")),
    responses(
        (status = 202, body = OrderView, description = "The order is being cancelled or is already cancelled"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "Not found"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "The order is dispatched"),
        WriteProblems,
    ))]
pub(super) async fn cancel(
    extract::State(Handlers { app, .. }): extract::State<Handlers>,
    Path(order_id): Path<OrderId>,
) -> Result<impl IntoResponse, Problem> {
    let decided = app.submit(Command::Cancel(order_id), None, None).await?;
    record_order(order_id, decided.correlation_id);
    let order = decided.state.order.ok_or_else(|| unknown(order_id))?;
    if order.is_dispatched() {
        return Err(Problem::conflict("the order is dispatched and can no longer be cancelled"));
    }
    Ok((StatusCode::ACCEPTED, axum::Json(OrderView::from(&order))))
}
