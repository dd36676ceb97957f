//! What can be seen from outside when all is over. Rules look at nothing else.

mod api;
mod ledgers;
mod topics;

use std::collections::BTreeMap;

use anyhow::Result;
use contracts::OrderId;
use jiff::Timestamp;
use providers::simulator::{CarrierEntry, GatewayEntry, LoggedCall};
use xtask::Service;

pub use api::{OrderSeen, PaymentSeen, ShipmentSeen, StockSeen};
pub use topics::{Content, DeadLetter, Fact, Place, Poison};

use crate::rest::Rest;
use crate::stage::{Deed, Stage};
use crate::traffic::{Accepted, Assortment, Sales};

/// All that is known of a run.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What customers were promised.
    pub accepted: BTreeMap<OrderId, Accepted>,
    /// Good requests that were not answered as they must be.
    pub refused: Vec<String>,
    /// The order service's word.
    pub orders: BTreeMap<OrderId, OrderSeen>,
    /// The payment service's.
    pub payments: BTreeMap<OrderId, PaymentSeen>,
    /// The shipping service's.
    pub shipments: BTreeMap<OrderId, ShipmentSeen>,
    /// The inventory service's.
    pub stock: BTreeMap<String, StockSeen>,
    /// Units that were taken into stock.
    pub received: BTreeMap<String, u64>,
    /// Every record in the topics that is an event, also those that are there more than once.
    pub facts: Vec<Fact>,
    /// Records that break their contract and were put there for that.
    pub poison: Vec<Poison>,
    /// Records that break their contract and should not be there.
    pub broken: Vec<String>,
    /// What is in the dead letter topics.
    pub dead_letters: Vec<DeadLetter>,
    /// What the gateway did.
    pub money: BTreeMap<OrderId, GatewayEntry>,
    /// What the carrier did.
    pub parcels: BTreeMap<OrderId, CarrierEntry>,
    /// What the gateway (payment) and the carrier (shipping) were asked.
    pub calls: Vec<(Service, LoggedCall)>,
    /// Whether and when the suite came to rest.
    pub rest: Rest,
    /// What was done to the suite.
    pub deeds: Vec<Deed>,
    /// Since when only one thing was done at a time.
    pub calm_since: Option<Timestamp>,
    /// Services that ended without being told.
    pub ended_alone: Vec<(Service, Timestamp)>,
}

impl Evidence {
    /// Looks at everything.
    ///
    /// # Errors
    /// Something can't be read.
    pub fn gather(stage: &Stage, assortment: &Assortment, sales: Sales, rest: Rest) -> Result<Self> {
        let mut evidence = Self {
            accepted: sales.accepted.into_iter().map(|order| (order.id, order)).collect(),
            refused: sales.refused,
            received: assortment.products().map(|product| (product.sku.clone(), product.received)).collect(),
            rest,
            deeds: stage.deeds(),
            calm_since: stage.calm_since(),
            ended_alone: stage.ended_alone(),
            ..Self::default()
        };
        for (sku, quantity) in sales.received {
            *evidence.received.entry(sku).or_default() += u64::from(quantity);
        }
        api::gather(stage, &mut evidence)?;
        topics::gather(stage, &mut evidence)?;
        ledgers::gather(stage, &mut evidence)?;
        Ok(evidence)
    }

    /// The facts of each order, in no particular order.
    pub fn facts_by_order(&self) -> BTreeMap<OrderId, Vec<&Fact>> {
        let mut by_order = BTreeMap::<_, Vec<_>>::new();
        for fact in &self.facts {
            by_order.entry(fact.order_id).or_default().push(fact);
        }
        by_order
    }

    /// The orders that must ship, by the order service's word.
    pub fn sold(&self) -> impl Iterator<Item = &OrderSeen> {
        self.orders.values().filter(|order| order.ships())
    }
}
