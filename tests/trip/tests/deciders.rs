//! The decisions of both services.

use decider::{LogEvent, Service as _, StreamId};
use decider_testing::{Case, check_reactions, meta};
use trip::{
    contracts::{FlightBooked, FlightCancelled, RoomBooked, RoomRefused, TripConfirmed, TripId},
    flight::{self, Flight},
    hotel::{Hotel, ROOMS, RoomLog},
    journal::{self, Journal, JournalEntry},
};
use uuid::Uuid;

fn trip_id(number: usize) -> TripId {
    TripId(Uuid::from_u128(number as u128))
}

fn flight_booked(number: usize) -> FlightBooked {
    FlightBooked { trip_id: trip_id(number), traveller: "ada".into(), hotel: "Grand".into() }
}

fn room_booked(number: usize) -> RoomBooked {
    RoomBooked { trip_id: trip_id(number), hotel: "Grand".into() }
}

fn room_refused(number: usize) -> RoomRefused {
    RoomRefused { trip_id: trip_id(number), hotel: "Grand".into() }
}

#[test]
fn reactions_are_sound() {
    assert_eq!(check_reactions::<Flight>(), ["RoomBooked", "RoomRefused"]);
    assert_eq!(check_reactions::<Hotel>(), ["FlightBooked"]);
    assert_eq!(check_reactions::<Journal>(), [""; 0]);
}

#[test]
fn flight_confirms_a_trip_with_a_room() {
    let command = flight::Command::Book { trip_id: trip_id(1), traveller: "ada".into(), hotel: "Grand".into() };
    Case::<Flight>::new(StreamId::new("flight", trip_id(1)), |_| true)
        .when_commanded(&command)
        .then([LogEvent::Public(flight_booked(1).into())])
        .when(room_booked(1))
        .then([LogEvent::Public(TripConfirmed { trip_id: trip_id(1) }.into())])
        .when(room_refused(1))
        .then([]);
}

#[test]
fn flight_is_cancelled_when_the_hotel_is_full() {
    Case::<Flight>::new(StreamId::new("flight", trip_id(1)), |_| true)
        .given([LogEvent::Public(flight_booked(1).into())])
        .when(room_refused(1))
        .then([LogEvent::Public(FlightCancelled { trip_id: trip_id(1) }.into())])
        .when(room_booked(1))
        .then([]);
}

#[test]
fn hotel_refuses_when_it_is_full() {
    let mut case = Case::<Hotel>::new(StreamId::new("hotel", "Grand"), |_| true);
    for number in 0..ROOMS {
        let taken = LogEvent::Internal(RoomLog::RoomTaken { hotel: "Grand".into() });
        case = case.when(flight_booked(number)).then([taken, LogEvent::Public(room_booked(number).into())]);
    }
    case.when(flight_booked(ROOMS))
        .then([LogEvent::Public(room_refused(ROOMS).into())])
        .when(flight_booked(0))
        .then([]);
}

#[test]
fn journal_records_every_event_once() {
    let flight = meta(&flight_booked(1));
    let mut room = meta(&room_booked(1));
    room.id.0 = Uuid::from_u128(7);
    let command = |meta| Journal::observe(meta, "2026-11", b"{}").expect("a command");
    let recorded =
        |event_id, name: &str| [LogEvent::Internal(JournalEntry::Recorded { event_id, name: name.to_owned() })];
    let journal::Command::Record { subject, .. } = command(&flight);
    assert_eq!(subject, trip_id(1).to_string());
    Case::<Journal>::new(StreamId::new("journal", trip_id(1)), |_| true)
        .when_commanded(&command(&flight))
        .then(recorded(flight.id.0, "FlightBooked"))
        .when_commanded(&command(&room))
        .then(recorded(room.id.0, "RoomBooked"))
        .when_commanded(&command(&flight))
        .then([]);
}
