//! The order: its lines, prices and outcome.
//!
//! The other services' facts about an order arrive in any order. Each is recorded as progress of its stock, its payment
//! or its shipment. As soon as the progress allows only one outcome ([`Progress::outcome`]), the order is confirmed or
//! cancelled.

use std::collections::BTreeMap;

use contracts::{
    CancelReason, EventId, Money, OrderId, Sku,
    order::{Address, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderEvent, OrderLine, OrderPlaced},
};
use decider::{Decider, LogEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The order service's pure core.
pub struct Order;

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    /// Add a product to the catalog, or change its name or price.
    ListProduct(Product),
    Place(Box<PlaceOrder>),
    /// The customer's request to cancel.
    Cancel(OrderId),
    /// Request the cancellation after the deadline. If the order still does not end, start a wave.
    Expire {
        order_id: OrderId,
        at: Timestamp,
    },
    /// Record another service's fact about the order.
    Record(RecordedFact),
}

/// A product in the catalog. Its price applies to new orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub sku: Sku,
    /// Display name.
    pub name: String,
    /// Price of one unit.
    pub price: Money,
}

/// An order as requested. Prices come from the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceOrder {
    pub order_id: OrderId,
    pub customer: String,
    /// SKUs, each at most once, with quantities.
    pub lines: Vec<(Sku, u32)>,
    /// Token from the payment provider.
    pub payment_method: String,
    pub address: Address,
    pub placed_at: Timestamp,
    pub deadline: Timestamp,
}

/// Another service's fact about an order, with the origin of the event that brought it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFact {
    pub order_id: OrderId,
    pub fact: Fact,
    pub event_id: EventId,
    pub occurred_at: Timestamp,
    /// The event that caused it.
    pub causation_id: Option<EventId>,
}

/// Other services' facts about an order, named like their events. The names are storage format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
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

/// Internal events. The names are storage format; older names are aliases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum OrderStep {
    /// The catalog has a new product, or a new name or price for one.
    ProductListed(Product),
    #[serde(alias = "FactNoted")]
    FactRecorded(RecordedFact),
    /// All services publish their facts about the order again, because the order has not ended in time.
    WaveStarted { at: Timestamp },
}

pub type Event = LogEvent<OrderEvent, OrderStep>;

/// One order, and the products that it consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// `None` until the order is placed.
    pub order: Option<OrderState>,
    /// The part of the catalog that a decision needs.
    pub products: BTreeMap<Sku, Product>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    pub placed: OrderPlaced,
    pub progress: Progress,
    /// Reason of the requested cancellation, if one was requested.
    pub cancellation: Option<CancelReason>,
    /// The outcome so far: a confirmed order can still be cancelled until it is dispatched.
    pub outcome: Option<Outcome>,
    /// Number of waves in which facts about the order were published again.
    #[serde(default)]
    pub waves: u32,
    /// Start of the last of these waves.
    #[serde(default)]
    pub last_wave: Option<Timestamp>,
}

/// Maximum waves of an order.
const WAVES_MAX: u32 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Confirmed,
    Cancelled(CancelReason),
}

/// Progress of an order in the other services. Each part only advances, because facts may arrive late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Progress {
    pub stock: StockProgress,
    pub payment: PaymentProgress,
    pub shipment: ShipmentProgress,
}

/// Progress of an order's stock, in the order in which it advances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StockProgress {
    #[default]
    Unknown,
    Reserved,
    Committed,
    /// Never held, because a line was short.
    Rejected,
    /// No longer held.
    Released,
}

/// Progress of an order's payment, in the order in which it advances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PaymentProgress {
    #[default]
    Unknown,
    Captured,
    Declined,
    Refunded,
    Voided,
}

/// Progress of an order's shipment, in the order in which it advances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ShipmentProgress {
    #[default]
    Unknown,
    Scheduled,
    Rejected,
    Cancelled,
    Dispatched,
    /// Dispatched, and a cancellation was refused because of that.
    CancellationRefused,
}

impl Decider for Order {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match (command, &state.order) {
            (Command::ListProduct(product), _) => list(state, product),
            (Command::Place(order), None) => place(state, order),
            (Command::Cancel(_), Some(order)) => request_cancellation(order, CancelReason::Customer),
            (Command::Expire { at, .. }, Some(order)) => expire(order, *at),
            (Command::Record(fact), Some(order)) => record(order, fact),
            (Command::Place(_), Some(_)) | (Command::Cancel(_) | Command::Expire { .. } | Command::Record(_), None) => {
                vec![]
            }
        }
    }

    fn evolve(mut state: State, event: &Event) -> State {
        match event {
            LogEvent::Internal(OrderStep::ProductListed(product)) => {
                state.products.insert(product.sku.clone(), product.clone());
            }
            LogEvent::Public(OrderEvent::OrderPlaced(placed)) => state.order = Some(OrderState::new(placed.clone())),
            later => state.order = state.order.map(|order| order.after(later)),
        }
        state
    }
}

fn list(state: &State, product: &Product) -> Vec<Event> {
    if state.products.get(&product.sku) == Some(product) {
        return vec![];
    }
    vec![LogEvent::Internal(OrderStep::ProductListed(product.clone()))]
}

/// Places no order if a product is unknown or the total cannot be represented.
fn place(state: &State, order: &PlaceOrder) -> Vec<Event> {
    let price = |(sku, quantity): &(Sku, u32)| {
        let unit_price = state.products.get(sku)?.price;
        Some(OrderLine { sku: sku.clone(), quantity: *quantity, unit_price })
    };
    let Some(lines) = order.lines.iter().map(price).collect::<Option<Vec<_>>>() else { return vec![] };
    let amounts = lines.iter().map(|line| line.unit_price.times(line.quantity)).collect::<Option<Vec<_>>>();
    let Some(total) = amounts.and_then(Money::sum) else { return vec![] };
    let placed = OrderPlaced {
        order_id: order.order_id,
        customer: order.customer.clone(),
        lines,
        total,
        payment_method: order.payment_method.clone(),
        address: order.address.clone(),
        placed_at: order.placed_at,
        deadline: order.deadline,
    };
    vec![public(placed)]
}

fn request_cancellation(order: &OrderState, reason: CancelReason) -> Vec<Event> {
    if !order.can_be_cancelled() {
        return vec![];
    }
    vec![public(OrderCancellationRequested { order_id: order.placed.order_id, reason })]
}

fn expire(order: &OrderState, at: Timestamp) -> Vec<Event> {
    let mut events =
        if order.can_expire() { request_cancellation(order, CancelReason::DeadlinePassed) } else { vec![] };
    if order.wave_due().is_some_and(|due| due <= at) {
        events.push(LogEvent::Internal(OrderStep::WaveStarted { at }));
    }
    events
}

/// Records a fact that advances the order, and the outcome that follows.
fn record(order: &OrderState, recorded: &RecordedFact) -> Vec<Event> {
    let progress = order.progress.after(recorded.fact);
    let advanced = progress != order.progress;
    let fact = advanced.then(|| LogEvent::Internal(OrderStep::FactRecorded(recorded.clone())));
    let order_id = order.placed.order_id;
    // Also after a fact that advances nothing: earlier versions confirmed a dispatched order only once its schedule was
    // known.
    let outcome = match (order.outcome, progress.outcome(order.cancellation)) {
        (None, Some(Outcome::Confirmed)) => Some(public(OrderConfirmed { order_id })),
        (None | Some(Outcome::Confirmed), Some(Outcome::Cancelled(reason))) => {
            Some(public(OrderCancelled { order_id, reason }))
        }
        (_, None)
        | (Some(_), Some(Outcome::Confirmed))
        | (Some(Outcome::Cancelled(_)), Some(Outcome::Cancelled(_))) => None,
    };
    fact.into_iter().chain(outcome).collect()
}

fn public(event: impl Into<OrderEvent>) -> Event {
    LogEvent::Public(event.into())
}

impl Progress {
    /// The progress after one more fact. A fact that arrives after a later one changes nothing.
    fn after(self, fact: Fact) -> Self {
        let stock = |stock| Self { stock: self.stock.max(stock), ..self };
        let payment = |payment| Self { payment: self.payment.max(payment), ..self };
        let shipment = |shipment| Self { shipment: self.shipment.max(shipment), ..self };
        match fact {
            Fact::StockReserved => stock(StockProgress::Reserved),
            Fact::StockReservationRejected => stock(StockProgress::Rejected),
            Fact::StockCommitted => stock(StockProgress::Committed),
            Fact::StockReleased => stock(StockProgress::Released),
            Fact::PaymentCaptured => payment(PaymentProgress::Captured),
            Fact::PaymentDeclined => payment(PaymentProgress::Declined),
            Fact::PaymentRefunded => payment(PaymentProgress::Refunded),
            Fact::PaymentVoided => payment(PaymentProgress::Voided),
            Fact::ShipmentScheduled => shipment(ShipmentProgress::Scheduled),
            Fact::ShipmentRejected => shipment(ShipmentProgress::Rejected),
            Fact::ShipmentCancelled => shipment(ShipmentProgress::Cancelled),
            Fact::ShipmentDispatched => shipment(ShipmentProgress::Dispatched),
            Fact::ShipmentCancellationRefused => shipment(ShipmentProgress::CancellationRefused),
        }
    }

    /// The only outcome that the progress allows, if it allows only one. `requested` is the reason of a requested
    /// cancellation.
    fn outcome(self, requested: Option<CancelReason>) -> Option<Outcome> {
        use {PaymentProgress as Payment, ShipmentProgress as Shipment, StockProgress as Stock};
        match (self.stock, self.payment, self.shipment) {
            (Stock::Rejected, _, _) => Some(Outcome::Cancelled(CancelReason::OutOfStock)),
            (Stock::Released, Payment::Declined, _) => Some(Outcome::Cancelled(CancelReason::PaymentDeclined)),
            (Stock::Released, Payment::Refunded | Payment::Voided, Shipment::Rejected) => {
                Some(Outcome::Cancelled(CancelReason::ShipmentRejected))
            }
            // Facts about stock and money may arrive before the fact about the shipment. If no cancellation was
            // requested, only the carrier's refusal leads to both.
            (Stock::Released, Payment::Refunded | Payment::Voided, _) => {
                Some(Outcome::Cancelled(requested.unwrap_or(CancelReason::ShipmentRejected)))
            }
            (_, _, Shipment::Dispatched | Shipment::CancellationRefused) => Some(Outcome::Confirmed),
            (_, _, Shipment::Scheduled) if requested.is_none() && !self.is_compensating() => Some(Outcome::Confirmed),
            (_, _, Shipment::Unknown | Shipment::Scheduled | Shipment::Rejected | Shipment::Cancelled) => None,
        }
    }

    /// Returns true once some service has begun to compensate the order.
    fn is_compensating(self) -> bool {
        matches!(self.stock, StockProgress::Rejected | StockProgress::Released)
            || self.payment >= PaymentProgress::Declined
            || matches!(self.shipment, ShipmentProgress::Rejected | ShipmentProgress::Cancelled)
    }

    fn is_dispatched(self) -> bool {
        self.shipment >= ShipmentProgress::Dispatched
    }
}

impl OrderState {
    fn new(placed: OrderPlaced) -> Self {
        Self { placed, progress: Progress::default(), cancellation: None, outcome: None, waves: 0, last_wave: None }
    }

    fn after(mut self, event: &Event) -> Self {
        match event {
            LogEvent::Internal(OrderStep::FactRecorded(recorded)) => self.progress = self.progress.after(recorded.fact),
            LogEvent::Internal(OrderStep::WaveStarted { at }) => {
                (self.waves, self.last_wave) = (self.waves + 1, Some(*at));
            }
            LogEvent::Public(OrderEvent::OrderCancellationRequested(event)) => self.cancellation = Some(event.reason),
            LogEvent::Public(OrderEvent::OrderConfirmed(_)) => self.outcome = Some(Outcome::Confirmed),
            LogEvent::Public(OrderEvent::OrderCancelled(event)) => {
                self.outcome = Some(Outcome::Cancelled(event.reason));
            }
            LogEvent::Public(OrderEvent::OrderPlaced(_)) | LogEvent::Internal(OrderStep::ProductListed(_)) => {}
        }
        self
    }

    fn is_cancelled(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Cancelled(_)))
    }

    /// Returns true once the parcel has left, after which the order cannot be cancelled.
    pub fn is_dispatched(&self) -> bool {
        self.progress.is_dispatched()
    }

    /// Returns true while a request to shipping can still change the outcome.
    pub fn can_be_cancelled(&self) -> bool {
        let is_requested = self.cancellation.is_some();
        !self.is_cancelled() && !is_requested && !self.progress.is_compensating() && !self.is_dispatched()
    }

    /// Returns true while the order would request its own cancellation at its deadline.
    pub fn can_expire(&self) -> bool {
        self.outcome.is_none() && self.can_be_cancelled()
    }

    /// Time of the next wave, if the order has not ended by then. The first wave is due one deadline period (placement to
    /// deadline) after the deadline; the wait doubles with each further wave.
    pub fn wave_due(&self) -> Option<Timestamp> {
        let is_pending = match self.outcome {
            None => true,
            Some(Outcome::Confirmed) => self.cancellation.is_some() && !self.is_dispatched(),
            Some(Outcome::Cancelled(_)) => false,
        };
        let OrderPlaced { placed_at, deadline, .. } = self.placed;
        let wait = deadline.duration_since(placed_at).saturating_mul(1 << self.waves.min(WAVES_MAX));
        let due = self.last_wave.unwrap_or(deadline).checked_add(wait).ok();
        due.filter(|_| is_pending && self.waves < WAVES_MAX)
    }

    /// Reason for which the order is cancelled or is being cancelled. A request that came after dispatch is not one.
    pub fn reason(&self) -> Option<CancelReason> {
        match self.outcome {
            Some(Outcome::Cancelled(reason)) => Some(reason),
            Some(Outcome::Confirmed) | None if self.is_dispatched() => None,
            Some(Outcome::Confirmed) | None => self.cancellation,
        }
    }

    /// The order's status in one word, as shown to customers.
    pub fn status(&self) -> &'static str {
        match (self.outcome, self.progress) {
            (Some(Outcome::Cancelled(_)), _) => "cancelled",
            (_, progress) if progress.is_dispatched() => "dispatched",
            (_, progress) if progress.is_compensating() || self.cancellation.is_some() => "cancelling",
            (Some(Outcome::Confirmed), _) => "confirmed",
            (None, Progress { stock: StockProgress::Committed, .. }) => "stock_committed",
            (None, Progress { payment: PaymentProgress::Captured, .. }) => "paid",
            (None, Progress { stock: StockProgress::Reserved, .. }) => "stock_reserved",
            (None, _) => "placed",
        }
    }
}
