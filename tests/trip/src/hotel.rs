//! The rooms of a hotel: each trip gets one, until the hotel is full.

use std::collections::BTreeSet;

use decider::{Decider, LogEvent, NoIntent, NoInternalEvents, Reaction, Service, StreamId, reactions};
use serde::{Deserialize, Serialize};

use crate::contracts::{FlightBooked, HotelEvent, RoomBooked, RoomRefused, TripId};

/// Rooms of every hotel.
pub const ROOMS: usize = 2;

pub struct Hotel;

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    Book { trip_id: TripId, hotel: String },
}

/// One hotel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub guests: BTreeSet<TripId>,
    pub refused: BTreeSet<TripId>,
}

impl Decider for Hotel {
    type State = State;
    type Command = Command;
    type Event = LogEvent<HotelEvent, NoInternalEvents>;

    fn decide(state: &State, Command::Book { trip_id, hotel }: &Command) -> Vec<Self::Event> {
        if state.guests.contains(trip_id) || state.refused.contains(trip_id) {
            return vec![];
        }
        let (trip_id, hotel) = (*trip_id, hotel.clone());
        let event: HotelEvent = if state.guests.len() < ROOMS {
            RoomBooked { trip_id, hotel }.into()
        } else {
            RoomRefused { trip_id, hotel }.into()
        };
        vec![LogEvent::Public(event)]
    }

    fn evolve(mut state: State, event: &Self::Event) -> State {
        match event.public() {
            Some(HotelEvent::RoomBooked(booked)) => state.guests.insert(booked.trip_id),
            Some(HotelEvent::RoomRefused(refused)) => state.refused.insert(refused.trip_id),
            None => false,
        };
        state
    }
}

impl Service for Hotel {
    type Public = HotelEvent;
    type Internal = NoInternalEvents;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &["hotel"];
    const REACTIONS: &'static [Reaction<Command>] = reactions! {
        on FlightBooked(flight) => Book { trip_id: flight.trip_id, hotel: flight.hotel.clone() }:
            "books a room, or refuses", [RoomBooked, RoomRefused];
    };

    fn streams(Command::Book { hotel, .. }: &Command, _: &State) -> Vec<StreamId> {
        vec![StreamId::new("hotel", hotel)]
    }
}
