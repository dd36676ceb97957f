//! The bugs, and everything else as it is.

use std::sync::OnceLock;

use decider::{Decider, LogEvent};

pub use crate::honest::{Command, Event, Movement, Reservation, State, Stock, StockMovement};

/// An inventory with the bug that its process has.
pub struct Inventory;

/// What is wrong with a process.
#[derive(Debug, Clone, Copy)]
pub enum Bug {
    /// It releases twice: once properly, and once more as if the units had just arrived.
    ReleasesTwice,
    /// It can't reserve so many units of anything, and panics.
    PanicsAt(u32),
}

static BUG: OnceLock<Bug> = OnceLock::new();

/// Decides which bug this process has; the first word counts.
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
                assert!(lines.values().all(|quantity| quantity < many), "that many were never tried");
                crate::honest::Inventory::decide(state, command)
            }
            (Some(Bug::ReleasesTwice), _) => twice(crate::honest::Inventory::decide(state, command)),
            _ => crate::honest::Inventory::decide(state, command),
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        crate::honest::Inventory::evolve(state, event)
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
