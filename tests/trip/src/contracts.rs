//! The events of both services.

use cloudevent::{Contract as _, EventType, Suite};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

cloudevent::uuid_id! {
    /// Identifies a trip; the key of every record about it.
    TripId
}

pub(crate) const SUITE: &Suite = &Suite {
    name: "trip",
    namespace: "com.example.trip.",
    upcasts: &[],
    event_type_of: |ce_type| FlightEvent::TYPES.iter().chain(HotelEvent::TYPES).find(|known| known.is(ce_type)),
    subject_of: |name, version, data| {
        let flight = FlightEvent::from_versioned(name, version, data).map(|read| read.map(|event| event.subject()));
        flight.or_else(|| Some(HotelEvent::from_versioned(name, version, data)?.map(|event| event.subject())))
    },
    schemas: || schemas().map(|(event, _)| (event.name.to_owned(), event.version.to_owned())).collect(),
    schema: |name, version| {
        let is_wanted = |event: &EventType| event.name == name && event.version == version;
        schemas().find(|(event, _)| is_wanted(event)).map(|(_, schema)| schema.to_value().to_string().into_bytes())
    },
};

fn schemas() -> impl Iterator<Item = (&'static EventType, Schema)> {
    FlightEvent::schemas().into_iter().chain(HotelEvent::schemas())
}

cloudevent::contract! {
    /// Facts of the flight service.
    FlightEvent, owner "flight", topic "flight.events", suite SUITE, subject trip_id as "trip.id" {
        FlightBooked, "2026-11";
        FlightCancelled, "2026-11";
        TripConfirmed, "2026-11";
    }
}

cloudevent::contract! {
    /// Facts of the hotel service.
    HotelEvent, owner "hotel", topic "hotel.events", suite SUITE, subject trip_id as "trip.id" {
        RoomBooked, "2026-11";
        RoomRefused, "2026-11";
    }
}

/// A traveller has a seat. Starts the saga: the hotel books a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlightBooked {
    pub trip_id: TripId,
    pub traveller: String,
    pub hotel: String,
}

/// The seat is free again, because the hotel is full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlightCancelled {
    pub trip_id: TripId,
}

/// Both seat and room are booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TripConfirmed {
    pub trip_id: TripId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomBooked {
    pub trip_id: TripId,
    pub hotel: String,
}

/// The hotel is full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomRefused {
    pub trip_id: TripId,
    pub hotel: String,
}
