//! The decider of the inventory service, with the bug of this process.

use std::sync::OnceLock;

use decider::{Decider, LogEvent};

pub use crate::correct::{Command, Event, Movement, Reservation, State, Stock, StockMovement};

/// The inventory service with a bug.
pub struct Inventory;

/// A bug of the inventory service.
#[derive(Debug, Clone, Copy)]
pub enum Bug {
    /// Releases units twice: once correctly, and once as if they had just been received.
    ReleasesTwice,
    /// Books a receipt again that it has recorded, so that only the inbox prevents it.
    BooksReceiptsTwice,
    /// Panics when it reserves this many units of a product.
    PanicsAt(u32),
}

static BUG: OnceLock<Bug> = OnceLock::new();

/// Sets the bug of this process. Only the first call has an effect.
pub fn plant(bug: Bug) {
    BUG.get_or_init(|| bug);
}

impl Decider for Inventory {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match (BUG.get(), command) {
            (Some(Bug::PanicsAt(many)), Command::Reserve { lines, .. }) => {
                assert!(lines.values().all(|quantity| quantity < many), "too many units");
                crate::correct::Inventory::decide(state, command)
            }
            (Some(Bug::BooksReceiptsTwice), _) => {
                crate::correct::Inventory::decide(&State { receipt: None, ..state.clone() }, command)
            }
            (Some(Bug::ReleasesTwice), _) => twice(crate::correct::Inventory::decide(state, command)),
            _ => crate::correct::Inventory::decide(state, command),
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        crate::correct::Inventory::evolve(state, event)
    }
}

fn twice(mut events: Vec<Event>) -> Vec<Event> {
    let again = |event: &Event| match event {
        LogEvent::Internal(StockMovement::UnitsReleased(movement) | StockMovement::UnitsRestocked(movement)) => {
            Some(LogEvent::Internal(StockMovement::UnitsReceived(movement.clone())))
        }
        _ => None,
    };
    let again: Vec<_> = events.iter().filter_map(again).collect();
    events.extend(again);
    events
}
