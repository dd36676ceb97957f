//! The four orders of the demonstration: actions of the customer, and the expected outcome.

use serde_json::{Value, json};

/// A card number that the payment gateway's simulator accepts.
const GOOD_CARD: &str = "tok_4242424242424242";

/// A card number that the simulator declines.
const DECLINED_CARD: &str = "tok_4000000000000002";

/// One order. Each has its own product, so that the stock shows its outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) title: &'static str,
    pub(crate) customer: &'static str,
    pub(crate) product: Product,
    pub(crate) quantity: u32,
    pub(crate) payment_method: &'static str,
    pub(crate) country: &'static str,
    /// The customer cancels once the order is confirmed.
    pub(crate) cancelled_by_customer: bool,
    /// Expected final status.
    pub(crate) outcome: &'static str,
    /// Expected events.
    pub(crate) events: &'static [&'static str],
}

/// A product of the shop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    pub(crate) sku: &'static str,
    pub(crate) name: &'static str,
    /// In euro cents.
    pub(crate) price_minor: i64,
}

/// An order that is confirmed.
pub(crate) const CONFIRMED: Scenario = Scenario {
    title: "confirmed",
    customer: "ada",
    product: Product { sku: "MUG", name: "Mug", price_minor: 1250 },
    quantity: 2,
    payment_method: GOOD_CARD,
    country: "GB",
    cancelled_by_customer: false,
    outcome: "confirmed",
    events: &["PaymentCaptured", "StockCommitted", "ShipmentScheduled", "OrderConfirmed"],
};

/// A paid order that the carrier refuses.
pub(crate) const REFUSED: Scenario = Scenario {
    title: "cancelled (refused, refunded, restocked)",
    customer: "cyd",
    product: Product { sku: "GLOBE", name: "Globe", price_minor: 8900 },
    quantity: 3,
    payment_method: GOOD_CARD,
    // The carrier's simulator does not deliver to Antarctica.
    country: "AQ",
    cancelled_by_customer: false,
    outcome: "cancelled",
    events: &["ShipmentRejected", "PaymentRefunded", "StockReleased", "OrderCancelled"],
};

pub(crate) const SCENARIOS: [Scenario; 4] = [
    CONFIRMED,
    Scenario {
        title: "cancelled (declined)",
        customer: "bob",
        product: Product { sku: "TEAPOT", name: "Teapot", price_minor: 3900 },
        quantity: 1,
        payment_method: DECLINED_CARD,
        country: "GB",
        cancelled_by_customer: false,
        outcome: "cancelled",
        events: &["PaymentDeclined", "StockReleased", "OrderCancelled"],
    },
    REFUSED,
    Scenario {
        title: "cancelled (by customer)",
        customer: "dan",
        product: Product { sku: "LAMP", name: "Lamp", price_minor: 4500 },
        quantity: 1,
        payment_method: GOOD_CARD,
        country: "GB",
        cancelled_by_customer: true,
        outcome: "cancelled",
        events: &[
            "OrderCancellationRequested",
            "ShipmentCancelled",
            "PaymentRefunded",
            "StockReleased",
            "OrderCancelled",
        ],
    },
];

impl Scenario {
    /// The body of `POST /orders`.
    pub(crate) fn order(&self) -> Value {
        json!({
            "customer": self.customer,
            "lines": [{ "sku": self.product.sku, "quantity": self.quantity }],
            "payment_method": self.payment_method,
            "address": {
                "name": "Ada Lovelace",
                "street": "12 Analytical Way",
                "city": "London",
                "postal_code": "N1 7AA",
                "country": self.country,
            },
        })
    }

    /// Units that leave the stock on hand.
    pub(crate) fn taken(&self) -> i64 {
        if self.outcome == "confirmed" { i64::from(self.quantity) } else { 0 }
    }
}
