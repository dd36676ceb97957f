//! The shipment of an order, and with it the saga's pivot: an order can be undone until its parcel is dispatched.
//!
//! A parcel is booked once its destination is known and its stock is committed, in either order.

use contracts::{
    CancelReason, OrderId,
    order::Address,
    shipping::{
        ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
        ShippingEvent,
    },
};
use decider::{Decider, LogEvent};
use serde::{Deserialize, Serialize};

/// The shipping service's pure core.
pub struct Shipping;

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    /// Record the destination of a new order.
    RecordOrder(Destination),
    /// Book a parcel, because the stock is committed.
    Schedule(OrderId),
    /// Cancel the shipment, unless it is dispatched.
    Cancel { order_id: OrderId, reason: CancelReason },
    /// Record the carrier's response to a booking.
    RecordBooking { order_id: OrderId, result: BookingResult },
    /// Record the carrier's response to the cancellation of a booking.
    RecordCancellation(OrderId),
    /// Hand the parcel over to the carrier.
    Dispatch(OrderId),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    pub order_id: OrderId,
    pub address: Address,
}

/// The carrier's response to a booking, which it identifies by the order's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookingResult {
    Booked {
        /// The carrier's tracking number.
        tracking: String,
    },
    Refused {
        /// The carrier's explanation.
        reason: String,
    },
}

/// Internal events. The names are storage format; older names are aliases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum ShipmentStep {
    #[serde(alias = "DestinationNoted")]
    OrderRecorded(Destination),
    #[serde(alias = "CommitmentNoted")]
    CommitmentRecorded { order_id: OrderId },
    /// Intent to book a parcel.
    BookingStarted(Destination),
    /// Intent to cancel a booking. The order does not wait for the response: it will not ship in any case.
    BookingCancellationStarted { order_id: OrderId },
}

pub type Event = LogEvent<ShippingEvent, ShipmentStep>;

/// The shipment of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    #[default]
    New,
    /// The destination is known; the commitment is not.
    OrderRecorded(Destination),
    /// The commitment is known; the destination is not.
    CommitmentRecorded,
    /// The call to book is open.
    Booking(Destination),
    Scheduled {
        destination: Destination,
        tracking: String,
    },
    /// The carrier refused.
    Rejected {
        destination: Destination,
    },
    /// Never ships. A tombstone, so that late facts have no effect.
    Cancelled {
        destination: Option<Destination>,
    },
    Dispatched {
        destination: Destination,
        tracking: String,
        /// True if a cancellation was refused because of the dispatch.
        cancellation_refused: bool,
    },
}

impl Decider for Shipping {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match command {
            Command::RecordOrder(destination) => record_order(state, destination),
            Command::Schedule(order_id) => schedule(state, *order_id),
            Command::Cancel { order_id, reason } => cancel(state, *order_id, *reason),
            Command::RecordBooking { order_id, result } => record_booking(state, *order_id, result),
            Command::Dispatch(order_id) => dispatch(state, *order_id),
            // The shipment is cancelled already; nothing depends on the response.
            Command::RecordCancellation(_) => vec![],
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            LogEvent::Internal(event) => state.after_step(event),
            LogEvent::Public(event) => state.after_fact(event),
        }
    }
}

fn record_order(state: &State, destination: &Destination) -> Vec<Event> {
    match state {
        State::New => vec![internal(ShipmentStep::OrderRecorded(destination.clone()))],
        State::CommitmentRecorded => vec![internal(ShipmentStep::BookingStarted(destination.clone()))],
        State::OrderRecorded(_) | State::Booking(_) | State::Scheduled { .. } => vec![],
        State::Rejected { .. } | State::Cancelled { .. } | State::Dispatched { .. } => vec![],
    }
}

fn schedule(state: &State, order_id: OrderId) -> Vec<Event> {
    match state {
        State::New => vec![internal(ShipmentStep::CommitmentRecorded { order_id })],
        State::OrderRecorded(destination) => vec![internal(ShipmentStep::BookingStarted(destination.clone()))],
        State::CommitmentRecorded | State::Booking(_) | State::Scheduled { .. } => vec![],
        State::Rejected { .. } | State::Cancelled { .. } | State::Dispatched { .. } => vec![],
    }
}

fn cancel(state: &State, order_id: OrderId, reason: CancelReason) -> Vec<Event> {
    let cancelled = public(ShipmentCancelled { order_id, reason });
    match state {
        State::New | State::OrderRecorded(_) | State::CommitmentRecorded => vec![cancelled],
        State::Booking(_) | State::Scheduled { .. } => {
            vec![cancelled, internal(ShipmentStep::BookingCancellationStarted { order_id })]
        }
        State::Dispatched { cancellation_refused: false, .. } => {
            vec![public(ShipmentCancellationRefused { order_id })]
        }
        State::Rejected { .. } | State::Cancelled { .. } | State::Dispatched { cancellation_refused: true, .. } => {
            vec![]
        }
    }
}

fn record_booking(state: &State, order_id: OrderId, result: &BookingResult) -> Vec<Event> {
    let State::Booking(_) = state else { return vec![] };
    match result {
        BookingResult::Booked { tracking } => vec![public(ShipmentScheduled { order_id, tracking: tracking.clone() })],
        BookingResult::Refused { reason } => {
            vec![public(ShipmentRejected { order_id, carrier_reason: reason.clone() })]
        }
    }
}

fn dispatch(state: &State, order_id: OrderId) -> Vec<Event> {
    let State::Scheduled { tracking, .. } = state else { return vec![] };
    vec![public(ShipmentDispatched { order_id, tracking: tracking.clone() })]
}

fn public(event: impl Into<ShippingEvent>) -> Event {
    LogEvent::Public(event.into())
}

fn internal(event: ShipmentStep) -> Event {
    LogEvent::Internal(event)
}

impl State {
    fn after_step(self, event: &ShipmentStep) -> Self {
        match (event, self) {
            (ShipmentStep::OrderRecorded(destination), _) => Self::OrderRecorded(destination.clone()),
            // Older versions stored this event between the two others of a booking, too.
            (ShipmentStep::CommitmentRecorded { .. }, Self::OrderRecorded(destination)) => {
                Self::OrderRecorded(destination)
            }
            (ShipmentStep::CommitmentRecorded { .. }, _) => Self::CommitmentRecorded,
            (ShipmentStep::BookingStarted(destination), _) => Self::Booking(destination.clone()),
            (ShipmentStep::BookingCancellationStarted { .. }, other) => other,
        }
    }

    fn after_fact(self, event: &ShippingEvent) -> Self {
        match (event, self) {
            (ShippingEvent::ShipmentScheduled(event), Self::Booking(destination)) => {
                Self::Scheduled { destination, tracking: event.tracking.clone() }
            }
            (ShippingEvent::ShipmentRejected(_), Self::Booking(destination)) => Self::Rejected { destination },
            (ShippingEvent::ShipmentCancelled(_), other) => Self::Cancelled { destination: other.into_destination() },
            (ShippingEvent::ShipmentDispatched(_), Self::Scheduled { destination, tracking }) => {
                Self::Dispatched { destination, tracking, cancellation_refused: false }
            }
            (ShippingEvent::ShipmentCancellationRefused(_), Self::Dispatched { destination, tracking, .. }) => {
                Self::Dispatched { destination, tracking, cancellation_refused: true }
            }
            // `decide` produces these events in no other state.
            (
                ShippingEvent::ShipmentScheduled(_)
                | ShippingEvent::ShipmentRejected(_)
                | ShippingEvent::ShipmentDispatched(_)
                | ShippingEvent::ShipmentCancellationRefused(_),
                other,
            ) => other,
        }
    }

    /// The destination; `None` while it is unknown, or if the order was cancelled before it became known.
    pub fn into_destination(self) -> Option<Destination> {
        match self {
            Self::New | Self::CommitmentRecorded => None,
            Self::OrderRecorded(destination) | Self::Booking(destination) => Some(destination),
            Self::Scheduled { destination, .. } | Self::Rejected { destination } => Some(destination),
            Self::Dispatched { destination, .. } => Some(destination),
            Self::Cancelled { destination } => destination,
        }
    }

    /// The carrier's tracking number, if the parcel is booked.
    pub fn tracking(&self) -> Option<&str> {
        match self {
            Self::Scheduled { tracking, .. } | Self::Dispatched { tracking, .. } => Some(tracking),
            Self::New | Self::OrderRecorded(_) | Self::CommitmentRecorded | Self::Booking(_) => None,
            Self::Rejected { .. } | Self::Cancelled { .. } => None,
        }
    }

    /// The state in one word.
    pub fn status(&self) -> &'static str {
        match self {
            Self::New | Self::OrderRecorded(_) | Self::CommitmentRecorded => "waiting",
            Self::Booking(_) => "booking",
            Self::Scheduled { .. } => "scheduled",
            Self::Rejected { .. } => "rejected",
            Self::Cancelled { .. } => "cancelled",
            Self::Dispatched { .. } => "dispatched",
        }
    }
}
