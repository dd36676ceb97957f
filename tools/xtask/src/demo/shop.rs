//! The HTTP interfaces of the services, as far as the demonstration uses them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::scenario::Product;
use crate::client::{Client, Reply};
use crate::process::wait::wait_until;
use crate::suite::Suite;
use catalog::ServiceName;

/// Maximum duration of a saga on a loaded machine.
const SAGA: Duration = Duration::from_mins(1);

pub(crate) struct Shop {
    order: Client,
    inventory: Client,
}

/// The stock of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Stock {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) shipped: i64,
}

/// Status of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct DemoOrder {
    #[serde(rename = "order_id")]
    pub(crate) id: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) total: Option<Total>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Total {
    pub(crate) minor: i64,
    pub(crate) currency: String,
}

/// One event of an order.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TimelineEntry {
    /// RFC 3339.
    pub(crate) time: String,
    pub(crate) service: String,
    pub(crate) event: String,
    pub(crate) since_placed_us: i64,
}

#[derive(Deserialize)]
struct TimelineReply {
    entries: Vec<TimelineEntry>,
}

impl Shop {
    pub(crate) fn of(suite: &Suite) -> Self {
        Self::new(suite.client(ServiceName::Order), suite.client(ServiceName::Inventory))
    }

    /// The shop of these two services.
    pub(crate) fn new(order: Client, inventory: Client) -> Self {
        Self { order, inventory }
    }

    /// Puts a product into the catalog.
    pub(crate) fn offer(&self, product: Product) -> Result<()> {
        let price = json!({ "minor": product.price_minor, "currency": "EUR" });
        let body = json!({ "name": product.name, "price": price });
        successful(self.order.put(&format!("/products/{}", product.sku), &body)?, "offering a product").map(drop)
    }

    /// Takes goods into stock.
    pub(crate) fn receive(&self, sku: &str, quantity: u32) -> Result<()> {
        let reply = self.inventory.post(&format!("/stock/{sku}/receipts"), &json!({ "quantity": quantity }))?;
        successful(reply, "receiving stock").map(drop)
    }

    pub(crate) fn stock(&self, sku: &str) -> Result<Stock> {
        parse(self.inventory.get(&format!("/stock/{sku}"))?, "the stock")
    }

    /// Waits until the stock on hand is as expected.
    pub(crate) fn stock_when_on_hand_is(&self, sku: &str, on_hand: i64) -> Result<Stock> {
        wait_until(&format!("{on_hand} of {sku} on hand"), SAGA, || {
            let stock = self.stock(sku).map_err(|error| format!("{error:#}"))?;
            if stock.on_hand == on_hand { Ok(stock) } else { Err(format!("{stock:?}")) }
        })
    }

    pub(crate) fn place(&self, order: &Value) -> Result<DemoOrder> {
        parse(self.order.post("/orders", order)?, "placing an order")
    }

    pub(crate) fn cancel(&self, id: &str) -> Result<()> {
        let reply = self.order.post(&format!("/orders/{id}/cancel"), &json!({}))?;
        successful(reply, "cancelling an order").map(drop)
    }

    pub(crate) fn order(&self, id: &str) -> Result<DemoOrder> {
        parse(self.order.get(&format!("/orders/{id}"))?, "the order")
    }

    /// Waits until the order has one of the statuses.
    pub(crate) fn order_when(&self, id: &str, statuses: &[&str]) -> Result<DemoOrder> {
        wait_until(&format!("order {id} to be {}", statuses.join(" or ")), SAGA, || {
            let order = self.order(id).map_err(|error| format!("{error:#}"))?;
            if statuses.contains(&order.status.as_str()) { Ok(order) } else { Err(order.status) }
        })
    }

    pub(crate) fn timeline(&self, id: &str) -> Result<Vec<TimelineEntry>> {
        let timeline: TimelineReply = parse(self.order.get(&format!("/orders/{id}/timeline"))?, "the timeline")?;
        Ok(timeline.entries)
    }

    /// Waits until the timeline has all these events, because the view may lag behind the status of the order.
    pub(crate) fn timeline_with(&self, id: &str, events: &[&str]) -> Result<Vec<TimelineEntry>> {
        wait_until(&format!("the timeline of order {id}"), SAGA, || {
            let entries = self.timeline(id).map_err(|error| format!("{error:#}"))?;
            let absent: Vec<_> =
                events.iter().filter(|event| !entries.iter().any(|entry| entry.event == **event)).collect();
            if absent.is_empty() { Ok(entries) } else { Err(format!("{absent:?} not in it")) }
        })
    }
}

fn successful(reply: Reply, what: &str) -> Result<Value> {
    ensure!((200..300).contains(&reply.status), "{what}: status {}: {}", reply.status, reply.body);
    Ok(reply.body)
}

fn parse<T: serde::de::DeserializeOwned>(reply: Reply, what: &str) -> Result<T> {
    let body = successful(reply, what)?;
    serde_json::from_value(body.clone()).with_context(|| format!("{what}: unexpected answer {body}"))
}
