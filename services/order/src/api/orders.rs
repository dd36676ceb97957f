//! Orders.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use contracts::{
    CancelReason, CorrelationId, Money, OrderId, Sku,
    order::{Address, OrderLine, OrderPlaced},
};
use decider::StreamId;
use jiff::Timestamp;
use runtime::{
    CORRELATION_ID, ORDER_ID,
    pages::{AtQuery, PageQuery},
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::{FieldError, IdempotencyKey, IdempotencyParam, Json, PROBLEM_JSON, Path, Problem, Query};

use super::{Handlers, validate};
use crate::{
    decider::{Command, OrderState, PlaceOrder, State as Known},
    policy::ORDERS,
};

/// The header with the id that everything caused by one request shares.
const X_CORRELATION_ID: &str = "x-correlation-id";

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
struct CorrelationParam {
    /// Carried by everything that this request causes.
    #[param(rename = "X-Correlation-Id", nullable = false)]
    correlation_id: Option<Uuid>,
}

/// An order as a customer sends it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrder {
    /// Who orders.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "ada")]
    pub(super) customer: String,
    /// What and how many; one line per SKU.
    #[schema(min_items = 1, max_items = 50)]
    pub(super) lines: Vec<NewLine>,
    /// The payment provider's token for a card.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "tok_4242424242424242")]
    pub(super) payment_method: String,
    /// Where to ship.
    #[serde(deserialize_with = "address")]
    #[schema(value_type = NewAddress)]
    pub(super) address: Address,
}

/// An address without fields that nobody knows. Events may have them: a newer producer's are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(remote = "Address", deny_unknown_fields)]
struct NewAddress {
    /// Who receives the parcel.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Ada Lovelace")]
    name: String,
    /// Street and house number.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "12 Analytical Way")]
    street: String,
    /// City.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "London")]
    city: String,
    /// Postal code.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "N1 7AA")]
    postal_code: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(pattern = "^[A-Z]{2}$", example = "GB")]
    country: String,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    NewAddress::deserialize(deserializer)
}

/// A line of a new order. Its price is the catalog's.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLine {
    /// What.
    pub(super) sku: Sku,
    /// How many.
    #[serde(deserialize_with = "web::lenient_integer")]
    #[schema(minimum = 1, maximum = 1000, example = 2)]
    pub(super) quantity: u32,
}

/// An order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct OrderView {
    order_id: OrderId,
    /// `placed`, `stock_reserved`, `paid`, `stock_committed`, `confirmed`, `dispatched`, `cancelling` or `cancelled`.
    status: &'static str,
    /// Why it is cancelled, or is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CancelReason>,
    customer: String,
    lines: Vec<OrderLine>,
    total: Money,
    address: Address,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
    /// When it gives up if it is not complete.
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
/// Accepted when it is safely stored; what becomes of it is told at its `Location`.
#[utoipa::path(post, operation_id = "place_order", path = "/orders", tag = "orders", request_body = NewOrder,
    params(IdempotencyParam, CorrelationParam),
    responses(
        (status = 202, body = OrderView, headers(
            ("Location" = String, description = "Where the order is"),
            ("X-Correlation-Id" = Uuid, description = "Carried by everything that this request causes"),
        )),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "Not JSON, or a header is wrong"),
        (status = 413, body = Problem, content_type = PROBLEM_JSON, description = "Too large"),
        (status = 415, body = Problem, content_type = PROBLEM_JSON, description = "Not application/json"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "Some of it makes no sense"),
        (status = 429, body = Problem, content_type = PROBLEM_JSON, description = "Too much is waiting; see Retry-After"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "The service can't take it now; see Retry-After"),
    ))]
pub(super) async fn place(
    State(Handlers { app, deadline, .. }): State<Handlers>,
    key: IdempotencyKey,
    headers: HeaderMap,
    Json(order): Json<NewOrder>,
) -> Result<impl IntoResponse, Problem> {
    validate::order(&order)?;
    let correlation_id = correlation_id(&headers)?;
    let placed_at = now();
    let placement = PlaceOrder {
        // The same key names the same order, so that placing it again changes nothing.
        order_id: OrderId(key.id("POST /orders").unwrap_or_else(Uuid::now_v7)),
        customer: order.customer,
        lines: order.lines.into_iter().map(|line| (line.sku, line.quantity)).collect(),
        payment_method: order.payment_method,
        address: order.address,
        placed_at,
        deadline: placed_at + deadline,
    };
    note(placement.order_id, Some(correlation_id));
    app.admit()?;
    let decided = app.submit(Command::Place(Box::new(placement.clone())), None, Some(correlation_id)).await?;
    let Some(order) = &decided.state.order else { return Err(not_for_sale(&placement, &decided.state)) };
    if !is_the_same(&placement, &order.placed) {
        return Err(Problem::invalid(vec![FieldError::new("Idempotency-Key", "was used for another order")]));
    }
    let location = format!("/orders/{}", order.placed.order_id);
    let correlation_id = decided.correlation_id.unwrap_or(correlation_id).to_string();
    let headers = [(header::LOCATION.as_str(), location), (X_CORRELATION_ID, correlation_id)];
    Ok((StatusCode::ACCEPTED, headers, axum::Json(OrderView::from(order))))
}

/// The request's span, and every log line in it, tells which order it is about.
fn note(order_id: OrderId, correlation_id: Option<CorrelationId>) {
    let span = tracing::Span::current();
    span.record(ORDER_ID, tracing::field::display(order_id));
    if let Some(correlation_id) = correlation_id {
        span.record(CORRELATION_ID, tracing::field::display(correlation_id));
    }
}

fn correlation_id(headers: &HeaderMap) -> Result<CorrelationId, Problem> {
    let Some(value) = headers.get(X_CORRELATION_ID) else { return Ok(CorrelationId(Uuid::now_v7())) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "header X-Correlation-Id must be a UUID"))
}

/// Whole microseconds, as everything is stored.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

fn not_for_sale(placement: &PlaceOrder, known: &Known) -> Problem {
    let unknown = placement.lines.iter().enumerate().filter(|(_, (sku, _))| !known.products.contains_key(sku));
    let faults: Vec<_> = unknown
        .map(|(index, (sku, _))| FieldError::new(format!("/lines/{index}/sku"), format!("{sku} is not for sale")))
        .collect();
    if faults.is_empty() {
        return Problem::invalid(vec![FieldError::new(
            "/lines",
            "have prices in different currencies, or too large a sum",
        )]);
    }
    Problem::invalid(faults)
}

fn is_the_same(placement: &PlaceOrder, placed: &OrderPlaced) -> bool {
    let lines = placed.lines.iter().map(|line| (&line.sku, line.quantity));
    placement.customer == placed.customer
        && placement.payment_method == placed.payment_method
        && placement.address == placed.address
        && placement.lines.iter().map(|(sku, quantity)| (sku, *quantity)).eq(lines)
}

/// Look at an order
///
/// Now, or with `at` as it was.
#[utoipa::path(get, operation_id = "get_order", path = "/orders/{order_id}", tag = "orders",
    params(("order_id" = Uuid, Path, description = "The order"), AtQuery),
    responses(
        (status = 200, body = OrderView),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "A parameter is unknown"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "No such order, or not yet"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "A parameter makes no sense"),
    ))]
pub(super) async fn get(
    State(Handlers { app, .. }): State<Handlers>,
    Path(order_id): Path<OrderId>,
    Query(at): Query<AtQuery>,
) -> Result<axum::Json<OrderView>, Problem> {
    let known = app.state(StreamId::new(ORDERS, order_id), at.up_to()?).await?;
    let order = known.and_then(|(state, _)| state.order).ok_or_else(|| unknown(order_id))?;
    Ok(axum::Json(OrderView::from(&order)))
}

pub(super) fn unknown(order_id: OrderId) -> Problem {
    Problem::not_found(format!("there is no order {order_id}"))
}

/// List orders
#[utoipa::path(get, operation_id = "list_orders", path = "/orders", tag = "orders", params(PageQuery),
    responses(
        (status = 200, body = OrderPage),
        (status = 400, body = Problem, content_type = PROBLEM_JSON, description = "A parameter is unknown"),
        (status = 422, body = Problem, content_type = PROBLEM_JSON, description = "A parameter makes no sense"),
    ))]
pub(super) async fn list(
    State(Handlers { app, .. }): State<Handlers>,
    Query(page): Query<PageQuery>,
) -> Result<axum::Json<OrderPage>, Problem> {
    let (streams, next) = app.list(ORDERS, page.check()?).await?;
    let orders = streams.iter().filter_map(|(_, state)| state.order.as_ref()).map(OrderView::from).collect();
    Ok(axum::Json(OrderPage { orders, next }))
}

/// Cancel an order
///
/// Accepted as long as the order is not dispatched; shipping has the last word.
#[utoipa::path(post, operation_id = "cancel_order", path = "/orders/{order_id}/cancel", tag = "orders",
    params(("order_id" = Uuid, Path, description = "The order")),
    responses(
        (status = 202, body = OrderView, description = "It is being cancelled, or is cancelled already"),
        (status = 404, body = Problem, content_type = PROBLEM_JSON, description = "No such order"),
        (status = 409, body = Problem, content_type = PROBLEM_JSON, description = "It is dispatched"),
        (status = 429, body = Problem, content_type = PROBLEM_JSON, description = "Too much is waiting; see Retry-After"),
        (status = 503, body = Problem, content_type = PROBLEM_JSON, description = "The service can't take it now; see Retry-After"),
    ))]
pub(super) async fn cancel(
    State(Handlers { app, .. }): State<Handlers>,
    Path(order_id): Path<OrderId>,
) -> Result<impl IntoResponse, Problem> {
    let decided = app.submit(Command::Cancel(order_id), None, None).await?;
    note(order_id, decided.correlation_id);
    let order = decided.state.order.ok_or_else(|| unknown(order_id))?;
    if order.is_dispatched() {
        return Err(Problem::conflict("the order is dispatched and can't be cancelled any more"));
    }
    Ok((StatusCode::ACCEPTED, axum::Json(OrderView::from(&order))))
}
