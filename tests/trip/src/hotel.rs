//! The rooms of a hotel: each trip gets one, until the hotel is full.

use decider::{Decider, LogEvent, NoIntent, Reaction, Service, StreamId, reactions};
use serde::{Deserialize, Serialize};

use crate::contracts::{FlightBooked, HotelEvent, RoomBooked, RoomRefused, TripId};

/// Rooms of every hotel.
pub const ROOMS: usize = 2;

pub struct Hotel;

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    Book { trip_id: TripId, hotel: String },
}

/// Internal events: the rooms of each hotel have their own log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum RoomLog {
    RoomTaken { hotel: String },
}

/// The answer to one trip, and the rooms of its hotel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub is_answered: bool,
    pub taken: usize,
}

impl Decider for Hotel {
    type State = State;
    type Command = Command;
    type Event = LogEvent<HotelEvent, RoomLog>;

    fn decide(state: &State, Command::Book { trip_id, hotel }: &Command) -> Vec<Self::Event> {
        let (trip_id, hotel) = (*trip_id, hotel.clone());
        match state {
            State { is_answered: true, .. } => vec![],
            State { taken: ROOMS.., .. } => vec![LogEvent::Public(RoomRefused { trip_id, hotel }.into())],
            State { taken: 0..ROOMS, .. } => {
                let taken = RoomLog::RoomTaken { hotel: hotel.clone() };
                vec![LogEvent::Internal(taken), LogEvent::Public(RoomBooked { trip_id, hotel }.into())]
            }
        }
    }

    fn evolve(state: State, event: &Self::Event) -> State {
        match event {
            LogEvent::Internal(RoomLog::RoomTaken { .. }) => State { taken: state.taken + 1, ..state },
            LogEvent::Public(_) => State { is_answered: true, ..state },
        }
    }
}

impl Service for Hotel {
    type Public = HotelEvent;
    type Internal = RoomLog;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &["trip", "hotel"];
    const REACTIONS: &'static [Reaction<Command>] = reactions! {
        on FlightBooked(flight) => Book { trip_id: flight.trip_id, hotel: flight.hotel.clone() }:
            "books a room, or refuses", [RoomBooked, RoomRefused];
    };

    fn streams(Command::Book { trip_id, hotel }: &Command, _: &State) -> Vec<StreamId> {
        vec![StreamId::new("trip", trip_id), StreamId::new("hotel", hotel)]
    }

    fn stream_of(event: &Self::Event) -> Option<StreamId> {
        match event {
            LogEvent::Internal(RoomLog::RoomTaken { hotel }) => Some(StreamId::new("hotel", hotel)),
            LogEvent::Public(_) => None,
        }
    }

    fn merge(parts: Vec<&State>) -> State {
        let answered = parts.iter().any(|part| part.is_answered);
        State { is_answered: answered, taken: parts.iter().map(|part| part.taken).sum() }
    }
}
