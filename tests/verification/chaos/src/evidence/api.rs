//! What the services tell by HTTP.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use contracts::{Money, OrderId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use xtask::ServiceName;

use super::Evidence;
use crate::system::SystemUnderTest;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedOrder {
    /// Its name.
    pub order_id: OrderId,
    /// One word for where it is.
    pub status: String,
    /// What it costs.
    pub total: Money,
    /// What was ordered.
    pub lines: Vec<ObservedLine>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedLine {
    /// What.
    pub sku: String,
    /// How many.
    pub quantity: u32,
}

impl ObservedOrder {
    /// Whether it ended well.
    pub fn ships(&self) -> bool {
        self.status == "confirmed" || self.status == "dispatched"
    }

    /// Whether it came to an end.
    pub fn is_final(&self) -> bool {
        self.ships() || self.status == "cancelled"
    }
}

/// The money of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedPayment {
    order_id: OrderId,
    /// One word for where it is.
    pub status: String,
}

/// The parcel of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedShipment {
    order_id: OrderId,
    /// One word for where it is.
    pub status: String,
}

/// The stock of a product. Signed, so that what must not be can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedStock {
    sku: String,
    /// Units that can be reserved.
    pub on_hand: i64,
    /// Units held for orders.
    pub reserved: i64,
    /// Units of paid orders.
    pub shipped: i64,
}

impl ObservedStock {
    /// For tests of rules.
    #[cfg(test)]
    pub(crate) fn of(on_hand: i64, reserved: i64, shipped: i64) -> Self {
        Self { sku: String::new(), on_hand, reserved, shipped }
    }
}

pub(super) fn gather(system: &SystemUnderTest, evidence: &mut Evidence) -> Result<()> {
    let orders: Vec<ObservedOrder> = list(system, ServiceName::Order, "orders")?;
    evidence.orders = orders.into_iter().map(|order| (order.order_id, order)).collect();
    let payments: Vec<ObservedPayment> = list(system, ServiceName::Payment, "payments")?;
    evidence.payments = payments.into_iter().map(|payment| (payment.order_id, payment)).collect();
    let shipments: Vec<ObservedShipment> = list(system, ServiceName::Shipping, "shipments")?;
    evidence.shipments = shipments.into_iter().map(|shipment| (shipment.order_id, shipment)).collect();
    let stock: Vec<ObservedStock> = list(system, ServiceName::Inventory, "stock")?;
    evidence.stock = stock.into_iter().map(|stock| (stock.sku.clone(), stock)).collect::<BTreeMap<_, _>>();
    Ok(())
}

/// All pages of a list.
fn list<T: DeserializeOwned>(system: &SystemUnderTest, service: ServiceName, name: &str) -> Result<Vec<T>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = system.client(service).get(&format!("/{name}?limit=200{cursor}"))?.expect_status(200)?;
        let items = page[name].take();
        all.append(&mut serde_json::from_value(items).with_context(|| format!("a page of {name}"))?);
        match &page["next"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return Ok(all),
        }
    }
}
