//! Orders to place.

use contracts::order::Address;
use providers::simulator::cards;
use serde_json::{Value, json};

use crate::Product;

/// An order that would go well, unless something is chosen that does not.
#[derive(Debug, Clone)]
pub struct NewOrder {
    lines: Vec<(String, u32)>,
    total_minor: i64,
    card: &'static str,
    address: Address,
}

impl NewOrder {
    /// An order of some of one product.
    pub fn of(product: &Product, quantity: u32) -> Self {
        let none = Self { lines: Vec::new(), total_minor: 0, card: cards::APPROVED, address: address() };
        none.and(product, quantity)
    }

    /// One more line.
    #[must_use]
    pub fn and(mut self, product: &Product, quantity: u32) -> Self {
        self.lines.push((product.sku.clone(), quantity));
        self.total_minor += product.price_minor * i64::from(quantity);
        self
    }

    /// Paid with this card; see [`cards`] for what they do.
    #[must_use]
    pub fn paid_with(self, card: &'static str) -> Self {
        Self { card, ..self }
    }

    /// Shipped to this country.
    #[must_use]
    pub fn to_country(mut self, country: &str) -> Self {
        country.clone_into(&mut self.address.country);
        self
    }

    /// Shipped to this postal code.
    #[must_use]
    pub fn to_postal_code(mut self, postal_code: &str) -> Self {
        postal_code.clone_into(&mut self.address.postal_code);
        self
    }

    /// What it costs, by the prices that the products had.
    pub fn total_minor(&self) -> i64 {
        self.total_minor
    }

    /// The body of `POST /orders`.
    pub fn body(&self) -> Value {
        let lines: Vec<_> =
            self.lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
        json!({ "customer": "ada", "lines": lines, "payment_method": self.card, "address": self.address })
    }
}

/// Where the carrier goes without a word.
pub fn address() -> Address {
    Address {
        name: "Ada Lovelace".into(),
        street: "12 Analytical Way".into(),
        city: "London".into(),
        postal_code: "N1 7AA".into(),
        country: "GB".into(),
    }
}
