//! The bug, and everything else as it is.

use decider::{Decider, Logged};

pub use crate::honest::{Command, Event, Movement, Private, Reservation, State, Stock};

/// An inventory that releases twice: once properly, and once more as if the units had just arrived.
pub struct Inventory;

impl Decider for Inventory {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        let mut events = crate::honest::Inventory::decide(state, command);
        let again = |event: &Event| match event {
            Logged::Private(Private::UnitsReleased(movement) | Private::UnitsRestocked(movement)) => {
                Some(Logged::Private(Private::UnitsReceived(movement.clone())))
            }
            _ => None,
        };
        let again: Vec<_> = events.iter().filter_map(again).collect();
        events.extend(again);
        events
    }

    fn evolve(state: State, event: &Event) -> State {
        crate::honest::Inventory::evolve(state, event)
    }
}
