//! What is for sale, enough of it, and the orders for it.

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::json;
use xtask::{Client, ServiceName, Suite};

/// The most that one receipt may have.
const RECEIPT: u32 = 1_000_000;

/// Receipts of all products together: enough for any run.
const RECEIPTS_MIN: u16 = 10;

/// The orders that are sent, ready as bytes, one for each product.
pub(crate) struct Orders(Vec<Bytes>);

impl Orders {
    /// Offers so many products and fills their stock.
    ///
    /// # Errors
    /// A service does not take it.
    pub(crate) fn stocked(suite: &Suite, products: u16) -> Result<Self> {
        let (order, inventory) = (suite.client(ServiceName::Order), suite.client(ServiceName::Inventory));
        for number in 0..products {
            seed(&order, &inventory, &sku(number), RECEIPTS_MIN.div_ceil(products))
                .with_context(|| format!("product {}", sku(number)))?;
        }
        Ok(Self((0..products).map(|number| body(&sku(number))).collect()))
    }

    /// The order with this number: one product after the other.
    #[expect(clippy::cast_possible_truncation, reason = "the remainder is less than the number of products")]
    pub(crate) fn get(&self, number: u64) -> Bytes {
        self.0[(number % self.0.len() as u64) as usize].clone()
    }
}

fn sku(number: u16) -> String {
    format!("BENCH-{number:05}")
}

fn seed(order: &Client, inventory: &Client, sku: &str, receipts: u16) -> Result<()> {
    let product = json!({ "name": "Thing", "price": { "minor": 1250, "currency": "EUR" } });
    order.put(&format!("/products/{sku}"), &product)?.expect_status(200)?;
    for _ in 0..receipts {
        let receipt = json!({ "quantity": RECEIPT });
        inventory.post(&format!("/stock/{sku}/receipts"), &receipt)?.expect_status(200)?;
    }
    Ok(())
}

/// An order that gateway and carrier accept.
fn body(sku: &str) -> Bytes {
    let order = json!({
        "customer": "ada",
        "lines": [{ "sku": sku, "quantity": 1 }],
        "payment_method": "tok_4242424242424242",
        "address": {
            "name": "Ada Lovelace",
            "street": "12 Analytical Way",
            "city": "London",
            "postal_code": "N1 7AA",
            "country": "GB",
        },
    });
    order.to_string().into()
}
