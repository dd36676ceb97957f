//! The HTTP API: stock receipts, and current and past stock and reservations.

use axum::extract::State;
use contracts::{OrderId, Sku, inventory::StockLine};
use decider::StreamId;
use runtime::{
    App, Config,
    pages::{AtQuery, PageQuery},
};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema, openapi::OpenApi as Description};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{
    BodyProblems, FieldError, IdempotencyKey, IdempotencyParam, Json, ListProblems, LookupProblems, NotFoundProblem,
    Path, Problem, Query, WriteProblems,
};

use crate::{
    decider::{Command, Inventory, Reservation, Stock},
    policy::{RESERVATIONS, STOCK},
};

/// Maximum units in a receipt.
const QUANTITY_MAX: u32 = 1_000_000;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Inventory service",
        description = "Keeps and reserves stock. Every error is an RFC 9457 problem document."
    ),
    components(schemas(Problem))
)]
struct InventoryApiInfo;

fn router() -> OpenApiRouter<App<Inventory>> {
    OpenApiRouter::with_openapi(InventoryApiInfo::openapi())
        .routes(routes!(list_stock))
        .routes(routes!(get_stock))
        .routes(routes!(receive))
        .routes(routes!(get_reservation))
}

/// Returns the OpenAPI document.
pub fn openapi_document() -> Description {
    runtime::with_operator_api(router().into_openapi())
}

/// Returns the routes and their OpenAPI document.
///
/// # Errors
/// Never fails; all services share the signature.
pub fn api(app: App<Inventory>, _: &Config) -> anyhow::Result<runtime::Api> {
    let (routes, description) = router().with_state(app).split_for_parts();
    Ok(runtime::Api { routes, description })
}

/// The stock of one SKU. `on_hand + reserved + shipped` is the quantity ever received.
#[derive(Debug, Serialize, ToSchema)]
struct StockView {
    sku: Sku,
    /// Units that can be reserved.
    on_hand: u64,
    /// Units held for orders that are not paid yet.
    reserved: u64,
    /// Units of paid orders.
    shipped: u64,
}

impl StockView {
    fn new(sku: Sku, stock: Stock) -> Self {
        let Stock { on_hand, reserved, shipped } = stock;
        Self { sku, on_hand, reserved, shipped }
    }
}

/// A page of the stock.
#[derive(Debug, Serialize, ToSchema)]
struct StockPage {
    /// Newest SKU first.
    stock: Vec<StockView>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The reservation of an order.
#[derive(Debug, Serialize, ToSchema)]
struct ReservationView {
    order_id: OrderId,
    /// `held`, `committed`, `rejected` or `released`.
    status: &'static str,
    /// The reserved quantities; empty if the order holds none.
    lines: Vec<StockLine>,
}

/// Received goods.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Receipt {
    /// Units received.
    #[serde(deserialize_with = "web::lenient_integer")]
    #[schema(minimum = 1, maximum = 1_000_000, example = 100)]
    quantity: u32,
}

/// Receive goods
#[utoipa::path(post, path = "/stock/{sku}/receipts", tag = "stock", request_body = Receipt,
    params(("sku" = Sku, Path, description = "The received SKU"), IdempotencyParam),
    responses(
        (status = 200, body = StockView, description = "The stock after the receipt"),
        BodyProblems,
        WriteProblems,
        NotFoundProblem,
    ))]
async fn receive(
    State(app): State<App<Inventory>>,
    Path(sku): Path<Sku>,
    key: IdempotencyKey,
    Json(Receipt { quantity }): Json<Receipt>,
) -> Result<axum::Json<StockView>, Problem> {
    if !(1..=QUANTITY_MAX).contains(&quantity) {
        return Err(Problem::invalid(vec![FieldError::new("/quantity", format!("must be 1 to {QUANTITY_MAX}"))]));
    }
    let message = key.id(&format!("POST /stock/{sku}/receipts"));
    let receipt_id = message.unwrap_or_else(Uuid::now_v7);
    let decided = app.submit(Command::Receive { receipt_id, sku: sku.clone(), quantity }, message, None).await?;
    if decided.state.receipt.is_some_and(|receipt| receipt.quantity != quantity) {
        return Err(Problem::invalid(vec![FieldError::new("Idempotency-Key", "already used for another receipt")]));
    }
    let stock = decided.state.stock.get(&sku).copied().unwrap_or_default();
    Ok(axum::Json(StockView::new(sku, stock)))
}

/// Get the stock of a SKU
///
/// Returns the current state, or the state as of `at`.
#[utoipa::path(get, path = "/stock/{sku}", tag = "stock",
    params(("sku" = Sku, Path, description = "The SKU"), AtQuery),
    responses(
        (status = 200, body = StockView),
        LookupProblems,
    ))]
async fn get_stock(
    State(app): State<App<Inventory>>,
    Path(sku): Path<Sku>,
    Query(at): Query<AtQuery>,
) -> Result<axum::Json<StockView>, Problem> {
    let found = app.state(StreamId::new(STOCK, &sku), at.up_to()?).await?;
    let stock = found.and_then(|(state, _)| state.stock.get(&sku).copied());
    let stock = stock.ok_or_else(|| Problem::not_found(format!("{sku} was never received")))?;
    Ok(axum::Json(StockView::new(sku, stock)))
}

/// List the stock
#[utoipa::path(get, path = "/stock", tag = "stock", params(PageQuery),
    responses(
        (status = 200, body = StockPage),
        ListProblems,
    ))]
async fn list_stock(
    State(app): State<App<Inventory>>,
    Query(page): Query<PageQuery>,
) -> Result<axum::Json<StockPage>, Problem> {
    let (streams, next) = app.list(STOCK, page.check()?).await?;
    let stock = streams.into_iter().flat_map(|(_, state)| state.stock);
    Ok(axum::Json(StockPage { stock: stock.map(|(sku, stock)| StockView::new(sku, stock)).collect(), next }))
}

/// Get the reservation of an order
///
/// Returns the current state, or the state as of `at`.
#[utoipa::path(get, path = "/reservations/{order_id}", tag = "stock",
    params(("order_id" = Uuid, Path, description = "The order"), AtQuery),
    responses(
        (status = 200, body = ReservationView),
        LookupProblems,
    ))]
async fn get_reservation(
    State(app): State<App<Inventory>>,
    Path(order_id): Path<OrderId>,
    Query(at): Query<AtQuery>,
) -> Result<axum::Json<ReservationView>, Problem> {
    let found = app.state(StreamId::new(RESERVATIONS, order_id), at.up_to()?).await?;
    let (state, _) = found.ok_or_else(|| Problem::not_found(format!("no reservation for order {order_id}")))?;
    let status = state.reservation.status();
    let lines = match state.reservation {
        Reservation::Held(lines) | Reservation::Committed(lines) => lines,
        Reservation::New | Reservation::Rejected | Reservation::Released => vec![],
    };
    Ok(axum::Json(ReservationView { order_id, status, lines }))
}
