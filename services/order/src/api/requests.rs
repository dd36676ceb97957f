//! Bodies of requests about orders.

use contracts::{Sku, order::Address};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// A new order.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrder {
    /// The customer's name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "ada")]
    pub(super) customer: String,
    /// Order lines, one per SKU.
    #[schema(min_items = 1, max_items = 50)]
    pub(super) lines: Vec<NewLine>,
    /// The payment provider's token for a card.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "tok_4242424242424242")]
    pub(super) payment_method: String,
    /// The shipping address.
    #[serde(deserialize_with = "address")]
    #[schema(value_type = NewAddress)]
    pub(super) address: Address,
}

/// A shipping address. Requests must not have unknown fields, while events may: those of a newer producer are ignored.
#[derive(Deserialize, ToSchema)]
#[serde(remote = "Address", deny_unknown_fields)]
struct NewAddress {
    /// The recipient.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Ada Lovelace")]
    name: String,
    /// Street and house number.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "12 Analytical Way")]
    street: String,
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "London")]
    city: String,
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "N1 7AA")]
    postal_code: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(pattern = "^[A-Z]{2}$", example = "GB")]
    country: String,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    NewAddress::deserialize(deserializer)
}

/// A line of a new order. Its price comes from the catalog.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLine {
    pub(super) sku: Sku,
    /// Number of units.
    #[serde(deserialize_with = "web::lenient_integer")]
    #[schema(minimum = 1, maximum = 1000, example = 2)]
    pub(super) quantity: u32,
}
