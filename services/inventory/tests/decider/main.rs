//! Tests of the inventory decider and its policy.

mod log;
mod properties;
mod saga;
mod stock;

use contracts::{
    CancelReason, OrderId,
    inventory::{Shortage, StockLine, StockReleased, StockReservationRejected, StockReserved},
    samples::{self, ORDER, sku},
};
use decider::{LogEvent, StreamId};
use decider_testing::Case;
use inventory::{
    decider::{Command, Event, Inventory, Movement, Stock, StockMovement},
    policy::RESERVATIONS,
};
use uuid::Uuid;

const OTHER_ORDER: OrderId = OrderId(Uuid::from_u128(2));
const TEA: &str = "TEA-250";
/// SKUs and quantities of the samples' order.
const LINES: [(&str, u32); 2] = [("MUG", 2), (TEA, 1)];

fn empty() -> Case<Inventory> {
    Case::new(StreamId::new(RESERVATIONS, ORDER), |_| true)
}

/// Units on hand, and nothing else.
fn stocked(units: &[(&str, u32)]) -> Case<Inventory> {
    empty().given(units.iter().map(|(text, quantity)| units_received(text, *quantity)))
}

/// More units than the order needs.
fn well_stocked() -> Case<Inventory> {
    stocked(&[("MUG", 5), (TEA, 3)])
}

/// The order's units are held.
fn held() -> Case<Inventory> {
    well_stocked().given(reserved())
}

/// The order's units have left the stock.
fn committed() -> Case<Inventory> {
    held().given(commitment())
}

fn movement(text: &str, quantity: u32, order_id: Option<OrderId>) -> Movement {
    Movement { sku: sku(text), quantity, order_id }
}

fn receipt_recorded(text: &str, quantity: u32) -> Event {
    LogEvent::Internal(StockMovement::ReceiptRecorded(movement(text, quantity, None)))
}

fn units_received(text: &str, quantity: u32) -> Event {
    LogEvent::Internal(StockMovement::UnitsReceived(movement(text, quantity, None)))
}

/// Movements of all of the order's units.
fn moved(constructor: fn(Movement) -> StockMovement) -> Vec<Event> {
    LINES.map(|(text, quantity)| LogEvent::Internal(constructor(movement(text, quantity, Some(ORDER))))).to_vec()
}

fn stock_lines() -> Vec<StockLine> {
    LINES.map(|(text, quantity)| StockLine { sku: sku(text), quantity }).to_vec()
}

fn reserved() -> Vec<Event> {
    let fact = StockReserved { order_id: ORDER, lines: stock_lines() };
    [moved(StockMovement::UnitsReserved), vec![LogEvent::Public(fact.into())]].concat()
}

fn commitment() -> Vec<Event> {
    let fact = samples::stock_committed();
    [moved(StockMovement::UnitsCommitted), vec![LogEvent::Public(fact.into())]].concat()
}

/// A rejected reservation: SKUs with the requested and the available quantity.
fn rejected(shortages: &[(&str, u32, u64)]) -> Event {
    let shortage = |(text, requested, available): &(&str, u32, u64)| Shortage {
        sku: sku(text),
        requested: *requested,
        available: *available,
    };
    let shortages = shortages.iter().map(shortage).collect();
    LogEvent::Public(StockReservationRejected { order_id: ORDER, shortages }.into())
}

/// Release of held units.
fn released(reason: CancelReason) -> Vec<Event> {
    [moved(StockMovement::UnitsReleased), vec![released_lines(stock_lines(), reason)]].concat()
}

/// Release of units that had left the stock.
fn restocked(reason: CancelReason) -> Vec<Event> {
    [moved(StockMovement::UnitsRestocked), vec![released_lines(stock_lines(), reason)]].concat()
}

fn released_lines(lines: Vec<StockLine>, reason: CancelReason) -> Event {
    LogEvent::Public(StockReleased { order_id: ORDER, lines, reason }.into())
}

/// A receipt that is not booked yet.
fn receive(text: &str, quantity: u32) -> Command {
    Command::Receive { receipt_id: Uuid::now_v7(), sku: sku(text), quantity }
}

fn reserve(order_id: OrderId, lines: &[(&str, u32)]) -> Command {
    Command::Reserve { order_id, lines: lines.iter().map(|(text, quantity)| (sku(text), *quantity)).collect() }
}

/// Units of a SKU: on hand, reserved and shipped.
fn units(case: &Case<Inventory>, text: &str) -> (u64, u64, u64) {
    let state = case.state(&receive(text, 1));
    let Stock { on_hand, reserved, shipped } = state.stock.get(&sku(text)).copied().unwrap_or_default();
    (on_hand, reserved, shipped)
}
