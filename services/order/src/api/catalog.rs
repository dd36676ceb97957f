//! The product catalog.

use axum::extract::State;
use contracts::{Currency, Money, Sku};
use decider::StreamId;
use runtime::{AsOf, pages::PageQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{BodyProblems, FieldError, Json, ListProblems, NotFoundProblem, Path, Problem, Query, WriteProblems};

use super::{Handlers, validate};
use crate::{
    decider::{Command, Product},
    policy::PRODUCTS,
};

/// Maximum price of one unit in minor units.
const PRICE_MAX_MINOR: i64 = 1_000_000_000;

/// A product's name and price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProduct {
    /// The display name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Mug")]
    name: String,
    /// The price of one unit.
    price: NewPrice,
}

/// The price of a product.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPrice {
    /// Minor units, such as cents.
    #[serde(deserialize_with = "web::lenient_integer")]
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 1250)]
    minor: i64,
    /// ISO 4217 code.
    currency: Currency,
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProductView {
    sku: Sku,
    name: String,
    price: Money,
}

impl From<&Product> for ProductView {
    fn from(Product { sku, name, price }: &Product) -> Self {
        Self { sku: sku.clone(), name: name.clone(), price: *price }
    }
}

/// A page of products.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProductPage {
    /// Newest first.
    products: Vec<ProductView>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Create or update a product
///
/// Existing orders keep their price.
#[utoipa::path(put, operation_id = "put_product", path = "/products/{sku}", tag = "catalog", request_body = NewProduct,
    params(("sku" = Sku, Path, description = "The identifier in orders and in the stock")),
    responses(
        (status = 200, body = ProductView),
        BodyProblems,
        WriteProblems,
        NotFoundProblem,
    ))]
pub(super) async fn put(
    State(Handlers { app, .. }): State<Handlers>,
    Path(sku): Path<Sku>,
    Json(NewProduct { name, price }): Json<NewProduct>,
) -> Result<axum::Json<ProductView>, Problem> {
    let mut errors = Vec::new();
    validate::text(&mut errors, "/name", &name);
    if !(0..=PRICE_MAX_MINOR).contains(&price.minor) {
        errors.push(FieldError::new("/price/minor", format!("must be 0 to {PRICE_MAX_MINOR}")));
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let price = Money { minor: price.minor, currency: price.currency };
    let product = Product { sku, name, price };
    app.submit(Command::ListProduct(product.clone()), None, None).await?;
    Ok(axum::Json(ProductView::from(&product)))
}

/// Get a product
#[utoipa::path(get, operation_id = "get_product", path = "/products/{sku}", tag = "catalog",
    params(("sku" = Sku, Path, description = "The product")),
    responses(
        (status = 200, body = ProductView),
        NotFoundProblem,
    ))]
pub(super) async fn get(
    State(Handlers { app, .. }): State<Handlers>,
    Path(sku): Path<Sku>,
) -> Result<axum::Json<ProductView>, Problem> {
    let found = app.state(StreamId::new(PRODUCTS, &sku), AsOf::Latest).await?;
    let product = found.as_ref().and_then(|(state, _)| state.products.get(&sku));
    let product = product.ok_or_else(|| Problem::not_found(format!("unknown product {sku}")))?;
    Ok(axum::Json(ProductView::from(product)))
}

/// List products
#[utoipa::path(get, operation_id = "list_products", path = "/products", tag = "catalog", params(PageQuery),
    responses(
        (status = 200, body = ProductPage),
        ListProblems,
    ))]
pub(super) async fn list(
    State(Handlers { app, .. }): State<Handlers>,
    Query(page): Query<PageQuery>,
) -> Result<axum::Json<ProductPage>, Problem> {
    let (streams, next) = app.list(PRODUCTS, page.check()?).await?;
    let products = streams.iter().flat_map(|(_, state)| state.products.values()).map(ProductView::from).collect();
    Ok(axum::Json(ProductPage { products, next }))
}
