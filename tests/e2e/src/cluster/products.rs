//! Products and stock.

use std::sync::atomic::{AtomicU32, Ordering};

use catalog::ServiceName;
use serde_json::json;

use super::TestCluster;
use crate::views::{StockLevel, TestProduct, eur};

impl TestCluster {
    /// Adds a product with this price and stock.
    #[track_caller]
    pub fn product(&self, price_minor: i64, on_hand: u32) -> TestProduct {
        let sku = unused_sku();
        self.set_price(&sku, price_minor);
        if on_hand > 0 {
            self.receive_stock(&sku, on_hand);
        }
        TestProduct { sku, price_minor, received: on_hand.into() }
    }

    /// Adds a product to the catalog or changes its price.
    #[track_caller]
    pub fn set_price(&self, sku: &str, price_minor: i64) {
        let body = json!({ "name": "Thing", "price": eur(price_minor) });
        let reply = self.client(ServiceName::Order).put(&format!("/products/{sku}"), &body);
        reply.and_then(|reply| reply.expect_status(200)).expect("the price is accepted");
    }

    /// Adds units to the stock.
    #[track_caller]
    pub fn receive_stock(&self, sku: &str, quantity: u32) {
        let body = json!({ "quantity": quantity });
        let reply = self.client(ServiceName::Inventory).post(&format!("/stock/{sku}/receipts"), &body);
        reply.and_then(|reply| reply.expect_status(200)).expect("the receipt is accepted");
    }

    /// Stock of a product; zero if none was ever received.
    #[track_caller]
    pub fn stock(&self, product: &TestProduct) -> StockLevel {
        let reply = self.get(ServiceName::Inventory, &format!("/stock/{}", product.sku));
        if reply.status == 404 {
            return StockLevel { on_hand: 0, reserved: 0, shipped: 0 };
        }
        let stock = reply.expect_status(200).expect("inventory returns the stock");
        serde_json::from_value(stock).expect("a stock level")
    }
}

/// A SKU that is unique in this test process.
pub fn unused_sku() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("SKU-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
