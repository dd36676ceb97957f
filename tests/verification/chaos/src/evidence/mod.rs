//! What can be seen from outside when all is over. Rules look at nothing else.

mod api;
mod ledgers;
mod topics;

use std::collections::BTreeMap;

use anyhow::Result;
use contracts::OrderId;
use jiff::Timestamp;
use providers::simulator::{CarrierEntry, GatewayEntry, LoggedCall};
use xtask::ServiceName;

pub use api::{ObservedOrder, ObservedPayment, ObservedShipment, ObservedStock};
pub use topics::{ContentHash, ObservedDeadLetter, PoisonRecord, PublishedEvent, RecordPosition};

use crate::load::traffic::{AcceptedOrder, TestProducts, TrafficLog};
use crate::quiescence::Quiescence;
use crate::system::{InjectedFault, SystemUnderTest};

/// All that is known of a run.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What customers were promised.
    pub accepted: BTreeMap<OrderId, AcceptedOrder>,
    /// Good requests that were not answered as they must be.
    pub refused: Vec<String>,
    /// The order service's word.
    pub orders: BTreeMap<OrderId, ObservedOrder>,
    /// The payment service's.
    pub payments: BTreeMap<OrderId, ObservedPayment>,
    /// The shipping service's.
    pub shipments: BTreeMap<OrderId, ObservedShipment>,
    /// The inventory service's.
    pub stock: BTreeMap<String, ObservedStock>,
    /// Units that were taken into stock.
    pub received: BTreeMap<String, u64>,
    /// Every record in the topics that is an event, also those that are there more than once.
    pub facts: Vec<PublishedEvent>,
    /// Records that break their contract and were put there for that.
    pub poison: Vec<PoisonRecord>,
    /// Records that break their contract and should not be there.
    pub broken: Vec<String>,
    /// What is in the dead letter topics.
    pub dead_letters: Vec<ObservedDeadLetter>,
    /// What the gateway did.
    pub money: BTreeMap<OrderId, GatewayEntry>,
    /// What the carrier did.
    pub parcels: BTreeMap<OrderId, CarrierEntry>,
    /// What the gateway (payment) and the carrier (shipping) were asked.
    pub calls: Vec<(ServiceName, LoggedCall)>,
    /// Whether and when the suite came to rest.
    pub quiescence: Quiescence,
    /// What was done to the suite.
    pub injected_faults: Vec<InjectedFault>,
    /// Since when only one thing was done at a time.
    pub isolated_since: Option<Timestamp>,
    /// Services that ended without being told.
    pub unexpected_exits: Vec<(ServiceName, Timestamp)>,
}

impl Evidence {
    /// Looks at everything.
    ///
    /// # Errors
    /// Something can't be read.
    pub fn gather(
        system: &SystemUnderTest,
        products: &TestProducts,
        traffic: TrafficLog,
        quiescence: Quiescence,
    ) -> Result<Self> {
        let mut evidence = Self {
            accepted: traffic.accepted.into_iter().map(|order| (order.id, order)).collect(),
            refused: traffic.refused,
            received: products.products().map(|product| (product.sku.clone(), product.received)).collect(),
            quiescence,
            injected_faults: system.injected_faults(),
            isolated_since: system.isolated_since(),
            unexpected_exits: system.unexpected_exits(),
            ..Self::default()
        };
        for (sku, quantity) in traffic.received {
            *evidence.received.entry(sku).or_default() += u64::from(quantity);
        }
        api::gather(system, &mut evidence)?;
        topics::gather(system, &mut evidence)?;
        ledgers::gather(system, &mut evidence)?;
        Ok(evidence)
    }

    /// The facts of each order, in no particular order.
    pub fn facts_by_order(&self) -> BTreeMap<OrderId, Vec<&PublishedEvent>> {
        let mut by_order = BTreeMap::<_, Vec<_>>::new();
        for fact in &self.facts {
            by_order.entry(fact.order_id).or_default().push(fact);
        }
        by_order
    }

    /// The orders that must ship, by the order service's word.
    pub fn sold(&self) -> impl Iterator<Item = &ObservedOrder> {
        self.orders.values().filter(|order| order.ships())
    }
}
