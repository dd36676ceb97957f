//! Decides about an order: what was ordered at which price, and how it ends.
//!
//! The order waits for the others' facts, which come in any order, and ends when they allow only one end: confirmed when
//! a shipment is scheduled, cancelled when neither stock nor money is held any more.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{
    CancelReason, EventId, Money, OrderId, Sku,
    order::{Address, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderEvent, OrderLine, OrderPlaced},
};
use decider::{Decider, InternalEvent, LogEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The order service's pure core.
pub struct Order;

/// What somebody wants of the order service.
#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    /// The shop offers a product, or changes its name or price.
    ListProduct(Product),
    /// A customer orders.
    Place(Box<Placement>),
    /// The customer wants the order undone.
    Cancel(OrderId),
    /// The order's time is up.
    PassDeadline(OrderId),
    /// Another service's event tells something about the order.
    Note(Observation),
}

/// A product in the catalog, which prices come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// What it is called in orders and in the stock.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// The price of one.
    pub price: Money,
}

/// What a customer asks for. Prices are not theirs to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The new order's id.
    pub order_id: OrderId,
    /// Who orders.
    pub customer: String,
    /// What and how many; each SKU once.
    pub lines: Vec<(Sku, u32)>,
    /// The payment provider's token.
    pub payment_method: String,
    /// Where to ship.
    pub address: Address,
    /// Now.
    pub placed_at: Timestamp,
    /// When to give up.
    pub deadline: Timestamp,
}

/// A fact about an order, with what the order's timeline shows of the event that brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The order.
    pub order_id: OrderId,
    /// What the event says.
    pub fact: Fact,
    /// The event.
    pub event_id: EventId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The event that led to it.
    pub causation_id: Option<EventId>,
}

/// What other services' events mean to an order. Named as the events are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum Fact {
    StockReserved,
    StockReservationRejected,
    StockCommitted,
    StockReleased,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    ShipmentScheduled,
    ShipmentRejected,
    ShipmentCancelled,
    ShipmentCancellationRefused,
    ShipmentDispatched,
}

/// What the order service remembers for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum OrderNote {
    /// The catalog has a product, or a new price for it.
    ProductListed(Product),
    /// An order learnt a fact.
    FactNoted(Observation),
}

impl InternalEvent for OrderNote {
    fn name(&self) -> &'static str {
        self.into()
    }
}

/// An event in the order service's log.
pub type Event = LogEvent<OrderEvent, OrderNote>;

/// What is known about one order and about the products it is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The order, once it is placed.
    pub order: Option<OrderState>,
    /// The catalog, as far as a decision needs it.
    pub products: BTreeMap<Sku, Product>,
}

/// What is known about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// What was ordered.
    pub placed: OrderPlaced,
    /// What the other services did.
    pub facts: BTreeSet<Fact>,
    /// Why the order's cancellation was asked for, if it was.
    pub cancellation: Option<CancelReason>,
    /// How it ended, so far: a confirmed order can still be cancelled until it is dispatched.
    pub outcome: Option<Outcome>,
}

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It ships.
    Confirmed,
    /// It is undone.
    Cancelled(CancelReason),
}

impl Decider for Order {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match (command, &state.order) {
            (Command::ListProduct(product), _) => list(state, product),
            (Command::Place(placement), None) => place(state, placement),
            (Command::Cancel(_), Some(order)) => request_cancellation(order, CancelReason::Customer),
            (Command::PassDeadline(_), Some(order)) if order.awaits_deadline() => {
                request_cancellation(order, CancelReason::DeadlinePassed)
            }
            (Command::Note(observation), Some(order)) => note(order, observation),
            _ => vec![],
        }
    }

    fn evolve(mut state: State, event: &Event) -> State {
        match event {
            LogEvent::Internal(OrderNote::ProductListed(product)) => {
                state.products.insert(product.sku.clone(), product.clone());
            }
            LogEvent::Public(OrderEvent::OrderPlaced(placed)) => state.order = Some(OrderState::new(placed.clone())),
            _ => state.order = state.order.map(|order| order.after(event)),
        }
        state
    }
}

fn list(state: &State, product: &Product) -> Vec<Event> {
    if state.products.get(&product.sku) == Some(product) {
        return vec![];
    }
    vec![LogEvent::Internal(OrderNote::ProductListed(product.clone()))]
}

/// Nothing happens when a product is unknown or the prices don't add up: there is no order then.
fn place(state: &State, placement: &Placement) -> Vec<Event> {
    let price = |(sku, quantity): &(Sku, u32)| {
        let unit_price = state.products.get(sku)?.price;
        Some(OrderLine { sku: sku.clone(), quantity: *quantity, unit_price })
    };
    let Some(lines) = placement.lines.iter().map(price).collect::<Option<Vec<_>>>() else { return vec![] };
    let amounts = lines.iter().map(|line| line.unit_price.times(line.quantity)).collect::<Option<Vec<_>>>();
    let Some(total) = amounts.and_then(Money::sum) else { return vec![] };
    let placed = OrderPlaced {
        order_id: placement.order_id,
        customer: placement.customer.clone(),
        lines,
        total,
        payment_method: placement.payment_method.clone(),
        address: placement.address.clone(),
        placed_at: placement.placed_at,
        deadline: placement.deadline,
    };
    vec![LogEvent::Public(placed.into())]
}

fn request_cancellation(order: &OrderState, reason: CancelReason) -> Vec<Event> {
    if !order.can_be_cancelled() {
        return vec![];
    }
    vec![LogEvent::Public(OrderCancellationRequested { order_id: order.placed.order_id, reason }.into())]
}

fn note(order: &OrderState, observation: &Observation) -> Vec<Event> {
    if order.facts.contains(&observation.fact) {
        return vec![];
    }
    let noted = LogEvent::Internal(OrderNote::FactNoted(observation.clone()));
    let ending = order.clone().after(&noted).ending();
    std::iter::once(noted).chain(ending.map(LogEvent::Public)).collect()
}

impl OrderState {
    fn new(placed: OrderPlaced) -> Self {
        Self { placed, facts: BTreeSet::new(), cancellation: None, outcome: None }
    }

    fn after(mut self, event: &Event) -> Self {
        match event {
            LogEvent::Internal(OrderNote::FactNoted(observation)) => {
                self.facts.insert(observation.fact.clone());
            }
            LogEvent::Public(OrderEvent::OrderCancellationRequested(event)) => self.cancellation = Some(event.reason),
            LogEvent::Public(OrderEvent::OrderConfirmed(_)) => self.outcome = Some(Outcome::Confirmed),
            LogEvent::Public(OrderEvent::OrderCancelled(event)) => {
                self.outcome = Some(Outcome::Cancelled(event.reason))
            }
            LogEvent::Public(OrderEvent::OrderPlaced(_)) | LogEvent::Internal(OrderNote::ProductListed(_)) => {}
        }
        self
    }

    /// The end that the facts leave, when the order has not come to it yet.
    fn ending(&self) -> Option<OrderEvent> {
        let order_id = self.placed.order_id;
        match self.outcome {
            Some(Outcome::Cancelled(_)) => None,
            _ if self.stock_is_back() && self.money_is_back() => {
                Some(OrderCancelled { order_id, reason: self.cancel_reason() }.into())
            }
            None if self.will_ship() => Some(OrderConfirmed { order_id }.into()),
            _ => None,
        }
    }

    fn knows(&self, fact: &Fact) -> bool {
        self.facts.contains(fact)
    }

    fn stock_is_back(&self) -> bool {
        self.knows(&Fact::StockReservationRejected) || self.knows(&Fact::StockReleased)
    }

    /// A rejected reservation is never charged, so its money needn't come back.
    fn money_is_back(&self) -> bool {
        [Fact::StockReservationRejected, Fact::PaymentDeclined, Fact::PaymentRefunded, Fact::PaymentVoided]
            .iter()
            .any(|fact| self.knows(fact))
    }

    /// A scheduled shipment confirms the order, unless it is being undone or shipping has yet to decide about that.
    fn will_ship(&self) -> bool {
        let decided = self.cancellation.is_none() || self.is_beyond_recall();
        self.knows(&Fact::ShipmentScheduled) && decided && !self.is_being_undone()
    }

    /// Whether the parcel has left.
    pub fn is_beyond_recall(&self) -> bool {
        self.knows(&Fact::ShipmentDispatched) || self.knows(&Fact::ShipmentCancellationRefused)
    }

    /// Whether some service is known to have begun to undo the order.
    fn is_being_undone(&self) -> bool {
        let undone = [Fact::ShipmentRejected, Fact::ShipmentCancelled];
        self.stock_is_back() || self.money_is_back() || undone.iter().any(|fact| self.knows(fact))
    }

    /// Whether asking shipping to cancel can still change anything.
    pub fn can_be_cancelled(&self) -> bool {
        let settled = matches!(self.outcome, Some(Outcome::Cancelled(_)));
        !settled && self.cancellation.is_none() && !self.is_being_undone() && !self.is_beyond_recall()
    }

    /// Whether the order asks for its own cancellation when its deadline passes.
    pub fn awaits_deadline(&self) -> bool {
        self.outcome.is_none() && self.can_be_cancelled()
    }

    fn cancel_reason(&self) -> CancelReason {
        let causes = [
            (Fact::StockReservationRejected, CancelReason::OutOfStock),
            (Fact::PaymentDeclined, CancelReason::PaymentDeclined),
            (Fact::ShipmentRejected, CancelReason::ShipmentRejected),
        ];
        let known = causes.into_iter().find(|(fact, _)| self.knows(fact));
        // The order may hear that stock and money are back before it hears of the carrier's refusal. But nothing else
        // undoes an order whose cancellation was not asked for.
        known.map(|(_, reason)| reason).or(self.cancellation).unwrap_or(CancelReason::ShipmentRejected)
    }

    /// Why the order is cancelled, or is to be. A request that shipping can only refuse is no reason any more.
    pub fn reason(&self) -> Option<CancelReason> {
        match self.outcome {
            Some(Outcome::Cancelled(reason)) => Some(reason),
            _ if self.is_beyond_recall() => None,
            _ => self.cancellation,
        }
    }

    /// One word for where the order is.
    pub fn status(&self) -> &'static str {
        match self.outcome {
            Some(Outcome::Cancelled(_)) => "cancelled",
            _ if self.knows(&Fact::ShipmentDispatched) => "dispatched",
            _ if self.is_being_undone() || (self.cancellation.is_some() && !self.is_beyond_recall()) => "cancelling",
            Some(Outcome::Confirmed) => "confirmed",
            None if self.knows(&Fact::StockCommitted) => "stock_committed",
            None if self.knows(&Fact::PaymentCaptured) => "paid",
            None if self.knows(&Fact::StockReserved) => "stock_reserved",
            None => "placed",
        }
    }
}
