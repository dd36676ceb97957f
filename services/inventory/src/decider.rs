//! Decides about the stock of an order: all of its lines are held, or none.
//!
//! A reservation and the stock of its SKUs change together: each decision sees both and yields the events of both.

use std::collections::BTreeMap;

use contracts::{
    CancelReason, OrderId, Sku,
    inventory::{
        InventoryEvent, Shortage, StockCommitted, StockLine, StockReleased, StockReservationRejected, StockReserved,
    },
};
use decider::{Decider, InternalEvent, LogEvent};
use serde::{Deserialize, Serialize};

/// The inventory service's pure core.
pub struct Inventory;

/// What somebody wants of the inventory service.
#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    /// Goods arrived.
    Receive {
        /// What.
        sku: Sku,
        /// How many.
        quantity: u32,
    },
    /// Hold every line for the order, or none.
    Reserve {
        /// The order.
        order_id: OrderId,
        /// What and how many; each SKU once.
        lines: BTreeMap<Sku, u32>,
    },
    /// The order is paid: its units leave the stock.
    Commit(OrderId),
    /// The order is undone: whatever it holds is available again, and it will never hold anything.
    Release {
        /// The order.
        order_id: OrderId,
        /// Why.
        reason: CancelReason,
    },
}

/// What happened to the stock of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: u32,
    /// The order that caused it; none for a receipt.
    pub order_id: Option<OrderId>,
}

/// What the inventory service remembers for itself: the stock of each SKU has a log of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum StockMovement {
    /// Units arrived: they are on hand.
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

impl InternalEvent for StockMovement {
    fn name(&self) -> &'static str {
        self.into()
    }
}

impl StockMovement {
    /// The SKU and how many of it.
    pub fn movement(&self) -> &Movement {
        match self {
            Self::UnitsReceived(movement)
            | Self::UnitsReserved(movement)
            | Self::UnitsCommitted(movement)
            | Self::UnitsReleased(movement)
            | Self::UnitsRestocked(movement) => movement,
        }
    }
}

/// An event in the inventory service's log.
pub type Event = LogEvent<InventoryEvent, StockMovement>;

/// What is known about one order's reservation and about the SKUs it is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What the order holds.
    pub reservation: Reservation,
    /// The stock, as far as a decision needs it.
    pub stock: BTreeMap<Sku, Stock>,
}

/// What an order holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reservation {
    /// Nothing is known of the order.
    #[default]
    New,
    /// A line was missing; the order holds nothing.
    Rejected,
    /// Units are held for it.
    Held(Vec<StockLine>),
    /// Its units have left the stock.
    Committed(Vec<StockLine>),
    /// It was undone; the order holds nothing and never will. The tombstone for what comes late.
    Released,
}

/// The stock of one SKU. `on_hand + reserved + shipped` is what was ever received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Units that can be reserved.
    pub on_hand: u64,
    /// Units held for orders.
    pub reserved: u64,
    /// Units of paid orders.
    pub shipped: u64,
}

impl Decider for Inventory {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match (command, &state.reservation) {
            (Command::Receive { sku, quantity }, _) => receive(sku, *quantity),
            (Command::Reserve { order_id, lines }, Reservation::New) => reserve(&state.stock, *order_id, lines),
            (Command::Commit(order_id), Reservation::Held(lines)) => {
                let committed = StockCommitted { order_id: *order_id };
                moved(*order_id, lines, StockMovement::UnitsCommitted, committed.into())
            }
            (Command::Release { order_id, reason }, reservation) => release(*order_id, *reason, reservation),
            _ => vec![],
        }
    }

    fn evolve(mut state: State, event: &Event) -> State {
        match event {
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
    vec![LogEvent::Internal(StockMovement::UnitsReceived(received))]
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

/// Released whatever the stage, so that the order learns that its stock is back even if it never held any.
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

/// The movement of every line, then the fact about the order.
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

    /// One word for what the order holds.
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

/// Stock is never negative. A log that says otherwise is corrupt, and going on with it would sell what isn't there.
fn taken(from: u64, quantity: u64) -> u64 {
    from.checked_sub(quantity).expect("more units leave than there are: the log is corrupt")
}
