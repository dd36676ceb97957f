//! Orders to place.

use contracts::order::Address;
use providers::simulator::cards;
use serde_json::{Value, json};

use crate::views::TestProduct;

/// An order that succeeds unless a test chooses an input that fails.
#[derive(Debug, Clone)]
pub struct NewOrder {
    lines: Vec<(String, u32)>,
    total_minor: i64,
    card: &'static str,
    address: Address,
}

impl NewOrder {
    /// An order of one line.
    pub fn of(product: &TestProduct, quantity: u32) -> Self {
        let empty = Self { lines: Vec::new(), total_minor: 0, card: cards::APPROVED, address: address() };
        empty.and(product, quantity)
    }

    /// Adds a line.
    #[must_use]
    pub fn and(mut self, product: &TestProduct, quantity: u32) -> Self {
        self.lines.push((product.sku.clone(), quantity));
        self.total_minor += product.price_minor * i64::from(quantity);
        self
    }

    /// Replaces the card; [`cards`] describes their behaviour.
    #[must_use]
    pub fn paid_with(self, card: &'static str) -> Self {
        Self { card, ..self }
    }

    /// Replaces the country of the address.
    #[must_use]
    pub fn to_country(mut self, country: &str) -> Self {
        country.clone_into(&mut self.address.country);
        self
    }

    /// Replaces the postal code of the address.
    #[must_use]
    pub fn to_postal_code(mut self, postal_code: &str) -> Self {
        postal_code.clone_into(&mut self.address.postal_code);
        self
    }

    /// Total in euro cents, at the prices that the products had when they were added.
    pub fn total_minor(&self) -> i64 {
        self.total_minor
    }

    /// Body of `POST /orders`.
    pub fn body(&self) -> Value {
        let lines: Vec<_> =
            self.lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
        json!({ "customer": "ada", "lines": lines, "payment_method": self.card, "address": self.address })
    }
}

/// An address that the carrier serves.
pub fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        street: "12 Analytical Way".into(),
        city: "London".into(),
        postal_code: "N1 7AA".into(),
        country: "GB".into(),
    }
}
