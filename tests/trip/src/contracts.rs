//! The events of both services.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

cloudevent::uuid_id! {
    /// Identifies a trip; the key of every record about it.
    TripId
}

const NAMESPACE: &str = "com.example.trip.";

cloudevent::contract! {
    /// Facts of the flight service.
    FlightEvent, owner "flight", topic "flight.events", namespace NAMESPACE, upcasts &[], subject trip_id as "trip.id" {
        FlightBooked, "2026-11";
        FlightCancelled, "2026-11";
        TripConfirmed, "2026-11";
    }
}

cloudevent::contract! {
    /// Facts of the hotel service.
    HotelEvent, owner "hotel", topic "hotel.events", namespace NAMESPACE, upcasts &[], subject trip_id as "trip.id" {
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
