//! The bug, and everything else as it is.

use decider::{Decider, Logged};

pub use crate::honest::{Command, Event, Movement, Private, Reservation, State, Stock};

/// An inventory that releases twice.
pub struct Inventory;

impl Decider for Inventory {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        let events = crate::honest::Inventory::decide(state, command);
        let released = |event: &&Event| {
            matches!(event, Logged::Private(Private::UnitsReleased(_) | Private::UnitsRestocked(_)))
        };
        let again: Vec<_> = events.iter().filter(released).cloned().collect();
        again.into_iter().chain(events).collect()
    }

    fn evolve(state: State, event: &Event) -> State {
        crate::honest::Inventory::evolve(state, event)
    }
}
