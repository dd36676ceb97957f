//! Products, their stock, and the request bodies that order them.

use anyhow::{Context, Result};
use bytes::Bytes;
use catalog::ServiceName;
use serde_json::json;
use xtask::{Client, Suite};

/// Maximum quantity of one receipt.
const RECEIPT_QUANTITY_MAX: u32 = 1_000_000;

/// Minimum receipts of all products together; their stock is enough for any run.
const RECEIPTS_MIN: u16 = 10;

/// Serialized order requests, one for each product.
pub(crate) struct OrderBodies(Vec<Bytes>);

impl OrderBodies {
    /// Lists this many products and fills their stock.
    ///
    /// # Errors
    /// A service rejects a request.
    pub(crate) fn stocked(suite: &Suite, products: u16) -> Result<Self> {
        let (order, inventory) = (suite.client(ServiceName::Order), suite.client(ServiceName::Inventory));
        for number in 0..products {
            seed(&order, &inventory, &sku(number), RECEIPTS_MIN.div_ceil(products))
                .with_context(|| format!("product {}", sku(number)))?;
        }
        Ok(Self((0..products).map(|number| body(&sku(number))).collect()))
    }

    /// Bodies of one product, without a suite.
    #[cfg(test)]
    pub(super) fn unstocked() -> Self {
        Self(vec![body(&sku(0))])
    }

    /// Request body of the order with this number. Products take turns.
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
        let receipt = json!({ "quantity": RECEIPT_QUANTITY_MAX });
        inventory.post(&format!("/stock/{sku}/receipts"), &receipt)?.expect_status(200)?;
    }
    Ok(())
}

/// An order that payment gateway and carrier accept.
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
