//! Tests of the order decider and its policy.

mod cancellation;
mod facts;
mod log;
mod outcomes;
mod placement;
mod properties;
mod waves;

use contracts::{
    CancelReason, Money, OrderId, Sku,
    order::OrderPlaced,
    samples::{self, DEADLINE, ORDER, sku},
};
use decider::{LogEvent, Service as _, StreamId};
use decider_testing::{CAUSE, Case, EVENT, NOW};
use order::{
    decider::{Command, Event, Fact, Order, OrderStep, PlaceOrder, Product, RecordedFact, State},
    policy::ORDERS,
};

const CANCEL: Command = Command::Cancel(ORDER);
const EXPIRE: Command = Command::Expire { order_id: ORDER, at: DEADLINE };
const TEA: &str = "TEA-250";

/// Other services' facts, in the order of the saga table.
const FACTS: [Fact; 13] = [
    Fact::StockReserved,
    Fact::StockReservationRejected,
    Fact::StockCommitted,
    Fact::StockReleased,
    Fact::PaymentCaptured,
    Fact::PaymentDeclined,
    Fact::PaymentRefunded,
    Fact::PaymentVoided,
    Fact::ShipmentScheduled,
    Fact::ShipmentRejected,
    Fact::ShipmentCancelled,
    Fact::ShipmentDispatched,
    Fact::ShipmentCancellationRefused,
];

/// Facts of an order whose stock is committed.
const PAID: [Fact; 3] = [Fact::StockReserved, Fact::PaymentCaptured, Fact::StockCommitted];

fn empty() -> Case<Order> {
    Case::new(StreamId::new(ORDERS, ORDER), |command| !matches!(command, Command::ListProduct(_)))
}

fn catalog() -> Case<Order> {
    empty().when_commanded(&list("MUG", 1250)).when_commanded(&list(TEA, 899))
}

/// A placed order of which these facts are recorded.
fn given(facts: &[Fact]) -> Case<Order> {
    empty().given([placed()]).given(facts.iter().map(|fact| recorded(*fact)))
}

fn state(case: &Case<Order>) -> State {
    case.state(&CANCEL)
}

fn status(case: &Case<Order>) -> &'static str {
    Order::status(&state(case))
}

fn product(text: &str, minor: i64) -> Product {
    Product { sku: sku(text), name: format!("A {text}"), price: Money::eur(minor) }
}

fn list(text: &str, minor: i64) -> Command {
    Command::ListProduct(product(text, minor))
}

fn listed(text: &str, minor: i64) -> Event {
    LogEvent::Internal(OrderStep::ProductListed(product(text, minor)))
}

/// The order of the samples, with these lines.
fn place_order(order_id: OrderId, lines: Vec<(Sku, u32)>) -> Command {
    let OrderPlaced { customer, payment_method, address, placed_at, deadline, .. } = samples::order_placed();
    Command::Place(Box::new(PlaceOrder { order_id, customer, lines, payment_method, address, placed_at, deadline }))
}

fn place(lines: &[(&str, u32)]) -> Command {
    place_order(ORDER, lines.iter().map(|(text, quantity)| (sku(text), *quantity)).collect())
}

fn record(fact: Fact) -> Command {
    Command::Record(recorded_fact(fact))
}

fn recorded_fact(fact: Fact) -> RecordedFact {
    RecordedFact { order_id: ORDER, fact, event_id: EVENT, occurred_at: NOW, causation_id: Some(CAUSE) }
}

fn recorded(fact: Fact) -> Event {
    LogEvent::Internal(OrderStep::FactRecorded(recorded_fact(fact)))
}

fn placed() -> Event {
    LogEvent::Public(samples::order_placed().into())
}

fn cancellation_requested(reason: CancelReason) -> Event {
    LogEvent::Public(samples::order_cancellation_requested(reason).into())
}

fn confirmed() -> Event {
    LogEvent::Public(samples::order_confirmed().into())
}

fn cancelled(reason: CancelReason) -> Event {
    LogEvent::Public(samples::order_cancelled(reason).into())
}
