//! Everything observable from outside after a run. Rules use nothing else.

mod api;
mod ledgers;
mod topics;

use std::collections::BTreeMap;

use anyhow::Result;
use contracts::OrderId;
use jiff::Timestamp;
use providers::simulator::{CarrierTotals, GatewayTotals, LoggedCall};
use xtask::ServiceName;

pub use api::{ObservedOrder, ObservedPayment, ObservedShipment, ObservedStock};
pub use topics::{ContentHash, ObservedDeadLetter, PoisonRecord, PublishedEvent, RecordPosition};

use self::api::ApiState;
use self::ledgers::LedgerContents;
use self::topics::TopicContents;
use crate::load::traffic::{AcceptedOrder, TestProducts, TrafficLog};
use crate::quiescence::Quiescence;
use crate::system::{InjectedFault, SystemUnderTest};

/// All observations of a run.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Orders accepted by the API, as their customers know them.
    pub accepted: BTreeMap<OrderId, AcceptedOrder>,
    /// Errors of valid requests.
    pub refused: Vec<String>,
    pub orders: BTreeMap<OrderId, ObservedOrder>,
    pub payments: BTreeMap<OrderId, ObservedPayment>,
    pub shipments: BTreeMap<OrderId, ObservedShipment>,
    pub stock: BTreeMap<String, ObservedStock>,
    /// Units received, by SKU.
    pub received: BTreeMap<String, u64>,
    /// All event records in the topics, including duplicates.
    pub facts: Vec<PublishedEvent>,
    /// Injected records that break their contract.
    pub poison: Vec<PoisonRecord>,
    /// Other records that break their contract.
    pub broken: Vec<String>,
    pub dead_letters: Vec<ObservedDeadLetter>,
    /// Ledger of the payment gateway.
    pub money: BTreeMap<OrderId, GatewayTotals>,
    /// Ledger of the carrier.
    pub parcels: BTreeMap<OrderId, CarrierTotals>,
    /// Calls to both providers, with the calling service.
    pub calls: Vec<(ServiceName, LoggedCall)>,
    pub quiescence: Quiescence,
    pub injected_faults: Vec<InjectedFault>,
    /// Start of the phase in which faults do not overlap.
    pub isolated_since: Option<Timestamp>,
    /// Exits of services that were not killed.
    pub unexpected_exits: Vec<(ServiceName, Timestamp)>,
}

impl Evidence {
    /// Reads APIs, topics and ledgers.
    ///
    /// # Errors
    /// A source cannot be read.
    pub fn gather(
        system: &SystemUnderTest,
        products: &TestProducts,
        traffic: TrafficLog,
        quiescence: Quiescence,
    ) -> Result<Self> {
        let ApiState { orders, payments, shipments, stock } = api::read(system)?;
        let TopicContents { facts, poison, broken, dead_letters } = topics::read(system)?;
        let LedgerContents { money, parcels, calls } = ledgers::read(system)?;
        let mut received: BTreeMap<_, _> =
            products.products().map(|product| (product.sku.clone(), product.received)).collect();
        for (sku, quantity) in traffic.received {
            *received.entry(sku).or_default() += u64::from(quantity);
        }
        Ok(Self {
            accepted: traffic.accepted.into_iter().map(|order| (order.id, order)).collect(),
            refused: traffic.refused,
            orders,
            payments,
            shipments,
            stock,
            received,
            facts,
            poison,
            broken,
            dead_letters,
            money,
            parcels,
            calls,
            quiescence,
            injected_faults: system.injected_faults(),
            isolated_since: system.isolated_since(),
            unexpected_exits: system.unexpected_exits(),
        })
    }

    /// Groups the facts by order. The facts of an order are not sorted.
    pub fn facts_by_order(&self) -> BTreeMap<OrderId, Vec<&PublishedEvent>> {
        let mut by_order = BTreeMap::<_, Vec<_>>::new();
        for fact in &self.facts {
            by_order.entry(fact.order_id).or_default().push(fact);
        }
        by_order
    }

    /// Orders that ship according to the order service.
    pub fn sold(&self) -> impl Iterator<Item = &ObservedOrder> {
        self.orders.values().filter(|order| order.ships())
    }
}
