//! The flight of a trip: booked first, cancelled if the hotel is full.

use decider::{Decider, LogEvent, NoIntent, NoInternalEvents, Reaction, Service, StreamId, reactions};
use serde::{Deserialize, Serialize};

use crate::contracts::{FlightBooked, FlightCancelled, FlightEvent, RoomBooked, RoomRefused, TripConfirmed, TripId};

pub struct Flight;

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    Book { trip_id: TripId, traveller: String, hotel: String },
    Confirm(TripId),
    Cancel(TripId),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum State {
    #[default]
    New,
    Booked,
    Confirmed,
    Cancelled,
}

impl Decider for Flight {
    type State = State;
    type Command = Command;
    type Event = LogEvent<FlightEvent, NoInternalEvents>;

    fn decide(state: &State, command: &Command) -> Vec<Self::Event> {
        let event: FlightEvent = match (state, command) {
            (State::New, Command::Book { trip_id, traveller, hotel }) => {
                FlightBooked { trip_id: *trip_id, traveller: traveller.clone(), hotel: hotel.clone() }.into()
            }
            (State::Booked, Command::Confirm(trip_id)) => TripConfirmed { trip_id: *trip_id }.into(),
            (State::Booked, Command::Cancel(trip_id)) => FlightCancelled { trip_id: *trip_id }.into(),
            (State::New, Command::Confirm(_) | Command::Cancel(_)) => return vec![],
            (State::Booked, Command::Book { .. }) | (State::Confirmed | State::Cancelled, _) => return vec![],
        };
        vec![LogEvent::Public(event)]
    }

    fn evolve(state: State, event: &Self::Event) -> State {
        match event.public() {
            Some(FlightEvent::FlightBooked(_)) => State::Booked,
            Some(FlightEvent::TripConfirmed(_)) => State::Confirmed,
            Some(FlightEvent::FlightCancelled(_)) => State::Cancelled,
            None => state,
        }
    }
}

impl Service for Flight {
    type Public = FlightEvent;
    type Internal = NoInternalEvents;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &["flight"];
    const REACTIONS: &'static [Reaction<Command>] = reactions! {
        request "traveller" => Book: "books a seat", [FlightBooked];
        on RoomBooked(booked) => Confirm(booked.trip_id): "confirms the trip", [TripConfirmed];
        on RoomRefused(refused) => Cancel(refused.trip_id): "cancels the seat", [FlightCancelled];
    };

    fn streams(command: &Command, _: &State) -> Vec<StreamId> {
        let (Command::Book { trip_id, .. } | Command::Confirm(trip_id) | Command::Cancel(trip_id)) = command;
        vec![StreamId::new("flight", trip_id)]
    }

    fn status(state: &State) -> &'static str {
        state.into()
    }
}
