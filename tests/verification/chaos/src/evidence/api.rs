//! State of the services, read from their HTTP APIs.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use contracts::{Money, OrderId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use xtask::ServiceName;

use crate::system::SystemUnderTest;

/// An order in the order service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedOrder {
    pub order_id: OrderId,
    pub status: String,
    pub total: Money,
    pub lines: Vec<ObservedLine>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedLine {
    pub sku: String,
    pub quantity: u32,
}

impl ObservedOrder {
    /// True if the order is confirmed or dispatched.
    pub fn ships(&self) -> bool {
        self.status == "confirmed" || self.status == "dispatched"
    }

    /// True if the status is final.
    pub fn is_final(&self) -> bool {
        self.ships() || self.status == "cancelled"
    }
}

/// A payment in the payment service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedPayment {
    order_id: OrderId,
    pub status: String,
}

/// A shipment in the shipping service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObservedShipment {
    order_id: OrderId,
    pub status: String,
}

/// Stock of a product in the inventory service. Signed, so that negative values are detected.
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
    #[cfg(test)]
    pub(crate) fn of(on_hand: i64, reserved: i64, shipped: i64) -> Self {
        Self { sku: String::new(), on_hand, reserved, shipped }
    }
}

pub(super) struct ApiState {
    pub(super) orders: BTreeMap<OrderId, ObservedOrder>,
    pub(super) payments: BTreeMap<OrderId, ObservedPayment>,
    pub(super) shipments: BTreeMap<OrderId, ObservedShipment>,
    pub(super) stock: BTreeMap<String, ObservedStock>,
}

pub(super) fn read(system: &SystemUnderTest) -> Result<ApiState> {
    let orders: Vec<ObservedOrder> = list(system, ServiceName::Order, "orders")?;
    let payments: Vec<ObservedPayment> = list(system, ServiceName::Payment, "payments")?;
    let shipments: Vec<ObservedShipment> = list(system, ServiceName::Shipping, "shipments")?;
    let stock: Vec<ObservedStock> = list(system, ServiceName::Inventory, "stock")?;
    Ok(ApiState {
        orders: orders.into_iter().map(|order| (order.order_id, order)).collect(),
        payments: payments.into_iter().map(|payment| (payment.order_id, payment)).collect(),
        shipments: shipments.into_iter().map(|shipment| (shipment.order_id, shipment)).collect(),
        stock: stock.into_iter().map(|stock| (stock.sku.clone(), stock)).collect(),
    })
}

/// Reads all pages of a list.
fn list<T: DeserializeOwned>(system: &SystemUnderTest, service: ServiceName, name: &str) -> Result<Vec<T>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = system.client(service).get(&format!("/{name}?limit=200{cursor}"))?.expect_status(200)?;
        let items = page[name].take();
        all.append(&mut serde_json::from_value(items).with_context(|| format!("invalid page of {name}"))?);
        match &page["next"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return Ok(all),
        }
    }
}
