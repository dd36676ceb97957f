//! The reservation of an order: all of its lines are held, or none.
//!
//! A reservation and the stock of its SKUs change together: each decision sees both and yields the events of both.

use std::collections::BTreeMap;

use contracts::{
    CancelReason, OrderId, Sku,
    inventory::{
        InventoryEvent, Shortage, StockCommitted, StockLine, StockReleased, StockReservationRejected, StockReserved,
    },
};
use decider::{Decider, LogEvent};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The inventory service's pure core.
pub struct Inventory;

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    /// Add goods to the stock, once for each receipt.
    Receive { receipt_id: Uuid, sku: Sku, quantity: u32 },
    /// Hold every line for the order, or none.
    Reserve { order_id: OrderId, lines: BTreeMap<Sku, u32> },
    /// Take the units of a paid order out of the stock.
    Commit(OrderId),
    /// Make the units of a cancelled order available again, and never hold any for it.
    Release { order_id: OrderId, reason: CancelReason },
}

/// Units of one SKU that move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    pub sku: Sku,
    pub quantity: u32,
    /// The order that caused it; `None` for a receipt.
    pub order_id: Option<OrderId>,
}

/// Internal events: the stock of each SKU has its own log. The names are storage format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum StockMovement {
    /// Goods were received. Units on hand follow in the log of their SKU.
    ReceiptRecorded(Movement),
    /// Units are on hand for the first time.
    UnitsReceived(Movement),
    /// Units on hand are held for an order.
    UnitsReserved(Movement),
    /// Held units left the stock.
    UnitsCommitted(Movement),
    /// Held units are on hand again.
    UnitsReleased(Movement),
    /// Units that had left the stock are on hand again.
    UnitsRestocked(Movement),
}

impl StockMovement {
    pub fn movement(&self) -> &Movement {
        match self {
            Self::ReceiptRecorded(movement)
            | Self::UnitsReceived(movement)
            | Self::UnitsReserved(movement)
            | Self::UnitsCommitted(movement)
            | Self::UnitsReleased(movement)
            | Self::UnitsRestocked(movement) => movement,
        }
    }
}

pub type Event = LogEvent<InventoryEvent, StockMovement>;

/// One order's reservation, and the stock of its SKUs; or one receipt of goods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub reservation: Reservation,
    /// The part of the stock that a decision needs.
    pub stock: BTreeMap<Sku, Stock>,
    /// `None` until the goods are received.
    #[serde(default)]
    pub receipt: Option<Movement>,
}

/// Units that an order holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reservation {
    #[default]
    New,
    /// Holds nothing, because a line was short.
    Rejected,
    Held(Vec<StockLine>),
    /// The units have left the stock.
    Committed(Vec<StockLine>),
    /// Holds nothing and never will. A tombstone, so that late facts have no effect.
    Released,
}

/// The stock of one SKU, in units. `on_hand + reserved + shipped` is the total ever received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    pub on_hand: u64,
    pub reserved: u64,
    /// Committed to paid orders.
    pub shipped: u64,
}

impl Decider for Inventory {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match (command, &state.reservation) {
            (Command::Receive { .. }, _) if state.receipt.is_some() => vec![],
            (Command::Receive { sku, quantity, .. }, _) => receive(sku, *quantity),
            (Command::Reserve { order_id, lines }, Reservation::New) => reserve(&state.stock, *order_id, lines),
            (Command::Commit(order_id), Reservation::Held(lines)) => {
                let committed = StockCommitted { order_id: *order_id };
                moved(*order_id, lines, StockMovement::UnitsCommitted, committed.into())
            }
            (Command::Release { order_id, reason }, reservation) => release(*order_id, *reason, reservation),
            (Command::Reserve { .. }, Reservation::Rejected | Reservation::Held(_)) => vec![],
            (Command::Reserve { .. } | Command::Commit(_), Reservation::Committed(_) | Reservation::Released) => vec![],
            (Command::Commit(_), Reservation::New | Reservation::Rejected) => vec![],
        }
    }

    fn evolve(mut state: State, event: &Event) -> State {
        match event {
            LogEvent::Internal(StockMovement::ReceiptRecorded(receipt)) => state.receipt = Some(receipt.clone()),
            LogEvent::Internal(event) => {
                let stock = state.stock.entry(event.movement().sku.clone()).or_default();
                *stock = stock.after(event);
            }
            LogEvent::Public(event) => state.reservation = state.reservation.after(event),
        }
        state
    }
}

fn receive(sku: &Sku, quantity: u32) -> Vec<Event> {
    let received = Movement { sku: sku.clone(), quantity, order_id: None };
    vec![
        LogEvent::Internal(StockMovement::ReceiptRecorded(received.clone())),
        LogEvent::Internal(StockMovement::UnitsReceived(received)),
    ]
}

fn reserve(stock: &BTreeMap<Sku, Stock>, order_id: OrderId, lines: &BTreeMap<Sku, u32>) -> Vec<Event> {
    let shortage = |(sku, quantity): (&Sku, &u32)| {
        let available = stock.get(sku).map_or(0, |stock| stock.on_hand);
        let short = available < u64::from(*quantity);
        short.then(|| Shortage { sku: sku.clone(), requested: *quantity, available })
    };
    let shortages: Vec<_> = lines.iter().filter_map(shortage).collect();
    if !shortages.is_empty() {
        return vec![LogEvent::Public(StockReservationRejected { order_id, shortages }.into())];
    }
    let lines: Vec<_> =
        lines.iter().map(|(sku, quantity)| StockLine { sku: sku.clone(), quantity: *quantity }).collect();
    let reserved = StockReserved { order_id, lines: lines.clone() };
    moved(order_id, &lines, StockMovement::UnitsReserved, reserved.into())
}

/// Publishes the release even if the order never held anything, so that the order service learns that nothing is held.
fn release(order_id: OrderId, reason: CancelReason, reservation: &Reservation) -> Vec<Event> {
    let (lines, movement): (&[StockLine], fn(Movement) -> StockMovement) = match reservation {
        Reservation::New => (&[], StockMovement::UnitsReleased),
        Reservation::Held(lines) => (lines, StockMovement::UnitsReleased),
        Reservation::Committed(lines) => (lines, StockMovement::UnitsRestocked),
        Reservation::Rejected | Reservation::Released => return vec![],
    };
    let released = StockReleased { order_id, lines: lines.to_vec(), reason };
    moved(order_id, lines, movement, released.into())
}

/// Movements of all lines, followed by the fact about the order.
fn moved(
    order_id: OrderId,
    lines: &[StockLine],
    movement: fn(Movement) -> StockMovement,
    fact: InventoryEvent,
) -> Vec<Event> {
    let movements = lines.iter().map(|line| {
        let moved = Movement { sku: line.sku.clone(), quantity: line.quantity, order_id: Some(order_id) };
        LogEvent::Internal(movement(moved))
    });
    movements.chain([LogEvent::Public(fact)]).collect()
}

impl Reservation {
    fn after(self, event: &InventoryEvent) -> Self {
        match (event, self) {
            (InventoryEvent::StockReserved(event), _) => Self::Held(event.lines.clone()),
            (InventoryEvent::StockReservationRejected(_), _) => Self::Rejected,
            (InventoryEvent::StockCommitted(_), Self::Held(lines)) => Self::Committed(lines),
            (InventoryEvent::StockCommitted(_), other) => other,
            (InventoryEvent::StockReleased(_), _) => Self::Released,
        }
    }

    /// The state in one word.
    pub fn status(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Rejected => "rejected",
            Self::Held(_) => "held",
            Self::Committed(_) => "committed",
            Self::Released => "released",
        }
    }
}

impl Stock {
    fn after(self, event: &StockMovement) -> Self {
        let quantity = u64::from(event.movement().quantity);
        let Self { on_hand, reserved, shipped } = self;
        match event {
            StockMovement::ReceiptRecorded(_) => self,
            StockMovement::UnitsReceived(_) => Self { on_hand: on_hand + quantity, ..self },
            StockMovement::UnitsReserved(_) => {
                Self { on_hand: taken(on_hand, quantity), reserved: reserved + quantity, ..self }
            }
            StockMovement::UnitsCommitted(_) => {
                Self { reserved: taken(reserved, quantity), shipped: shipped + quantity, ..self }
            }
            StockMovement::UnitsReleased(_) => {
                Self { reserved: taken(reserved, quantity), on_hand: on_hand + quantity, ..self }
            }
            StockMovement::UnitsRestocked(_) => {
                Self { shipped: taken(shipped, quantity), on_hand: on_hand + quantity, ..self }
            }
        }
    }
}

/// Subtracts units. Stock is never negative: any other log is corrupt, and continuing would oversell.
fn taken(from: u64, quantity: u64) -> u64 {
    from.checked_sub(quantity).expect("corrupt log: more units leave than are in stock")
}
