//! Decides about the parcel of an order, and thereby whether the order can still be undone: what was dispatched can't.

use contracts::{
    CancelReason, OrderId,
    order::Address,
    shipping::{
        ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
        ShippingEvent,
    },
};
use decider::{Decider, InternalEvent, LogEvent};
use serde::{Deserialize, Serialize};

/// The shipping service's pure core.
pub struct Shipping;

/// What somebody wants of the shipping service.
#[derive(Debug, Clone, strum::IntoStaticStr)]
pub enum Command {
    /// An order was placed: this is where it goes.
    Remember(Destination),
    /// Its stock is committed: book a parcel.
    Schedule(OrderId),
    /// The order is to be undone.
    Cancel {
        /// The order.
        order_id: OrderId,
        /// Why.
        reason: CancelReason,
    },
    /// The carrier says what became of the booking.
    SettleBooking {
        /// The order.
        order_id: OrderId,
        /// What became of it.
        booking: Booking,
    },
    /// The carrier called a booking off.
    SettleCancellation(OrderId),
    /// The parcel leaves.
    Dispatch(OrderId),
}

/// Where an order goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The order.
    pub order_id: OrderId,
    /// Where it goes.
    pub address: Address,
}

/// What became of a booking, which the carrier knows by the order's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Booking {
    /// The carrier will fetch the parcel.
    Booked {
        /// The carrier's tracking number.
        tracking: String,
    },
    /// The carrier won't.
    Refused {
        /// The carrier's words.
        reason: String,
    },
}

/// What the shipping service remembers for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum ShipmentStep {
    /// Where an order goes.
    DestinationNoted(Destination),
    /// An order's stock is committed.
    CommitmentNoted {
        /// The order.
        order_id: OrderId,
    },
    /// The carrier is asked to fetch a parcel.
    BookingStarted(Destination),
    /// The carrier is told not to fetch the parcel. The order needn't wait for the answer: it won't ship in any case.
    BookingCancellationStarted {
        /// The order.
        order_id: OrderId,
    },
}

impl InternalEvent for ShipmentStep {
    fn name(&self) -> &'static str {
        self.into()
    }
}

/// An event in the shipping service's log.
pub type Event = LogEvent<ShippingEvent, ShipmentStep>;

/// What is known about the parcel of one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Where it goes, once the order is known.
    pub destination: Option<Destination>,
    /// Whether its stock is committed.
    pub stock_committed: bool,
    /// How far the shipment is.
    pub stage: Stage,
}

/// How far a shipment is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// For the order and for its stock, whichever comes last.
    #[default]
    Waiting,
    /// The carrier was asked.
    Booking,
    /// The carrier will fetch it.
    Scheduled {
        /// The carrier's tracking number.
        tracking: String,
    },
    /// The carrier refused.
    Rejected,
    /// The order was undone; it never ships. The tombstone for what comes late.
    Cancelled,
    /// It has left.
    Dispatched {
        /// The carrier's tracking number.
        tracking: String,
        /// Whether somebody was told that it is too late to cancel.
        cancellation_refused: bool,
    },
}

impl Decider for Shipping {
    type State = State;
    type Command = Command;
    type Event = Event;

    fn decide(state: &State, command: &Command) -> Vec<Event> {
        match command {
            Command::Remember(destination) => remember(state, destination),
            Command::Schedule(order_id) => schedule(state, *order_id),
            Command::Cancel { order_id, reason } => cancel(&state.stage, *order_id, *reason),
            Command::SettleBooking { order_id, booking } => settle_booking(&state.stage, *order_id, booking),
            Command::Dispatch(order_id) => dispatch(&state.stage, *order_id),
            // The order was told long ago; nothing hangs on it.
            Command::SettleCancellation(_) => vec![],
        }
    }

    fn evolve(mut state: State, event: &Event) -> State {
        match event {
            LogEvent::Internal(event) => match event {
                ShipmentStep::DestinationNoted(destination) => state.destination = Some(destination.clone()),
                ShipmentStep::CommitmentNoted { .. } => state.stock_committed = true,
                ShipmentStep::BookingStarted(_) => state.stage = Stage::Booking,
                ShipmentStep::BookingCancellationStarted { .. } => {}
            },
            LogEvent::Public(event) => state.stage = state.stage.after(event),
        }
        state
    }
}

fn remember(state: &State, destination: &Destination) -> Vec<Event> {
    let noted = || private(ShipmentStep::DestinationNoted(destination.clone()));
    match state {
        State { destination: None, stock_committed: false, stage: Stage::Waiting } => vec![noted()],
        State { destination: None, stock_committed: true, stage: Stage::Waiting } => {
            vec![noted(), private(ShipmentStep::BookingStarted(destination.clone()))]
        }
        _ => vec![],
    }
}

fn schedule(state: &State, order_id: OrderId) -> Vec<Event> {
    let noted = private(ShipmentStep::CommitmentNoted { order_id });
    match state {
        State { destination: None, stock_committed: false, stage: Stage::Waiting } => vec![noted],
        State { destination: Some(destination), stock_committed: false, stage: Stage::Waiting } => {
            vec![noted, private(ShipmentStep::BookingStarted(destination.clone()))]
        }
        _ => vec![],
    }
}

fn cancel(stage: &Stage, order_id: OrderId, reason: CancelReason) -> Vec<Event> {
    let cancelled = LogEvent::Public(ShipmentCancelled { order_id, reason }.into());
    match stage {
        Stage::Waiting => vec![cancelled],
        Stage::Booking | Stage::Scheduled { .. } => {
            vec![cancelled, private(ShipmentStep::BookingCancellationStarted { order_id })]
        }
        Stage::Dispatched { cancellation_refused: false, .. } => {
            vec![LogEvent::Public(ShipmentCancellationRefused { order_id }.into())]
        }
        Stage::Rejected | Stage::Cancelled | Stage::Dispatched { cancellation_refused: true, .. } => vec![],
    }
}

fn settle_booking(stage: &Stage, order_id: OrderId, booking: &Booking) -> Vec<Event> {
    match (stage, booking) {
        (Stage::Booking, Booking::Booked { tracking }) => {
            vec![LogEvent::Public(ShipmentScheduled { order_id, tracking: tracking.clone() }.into())]
        }
        (Stage::Booking, Booking::Refused { reason }) => {
            vec![LogEvent::Public(ShipmentRejected { order_id, carrier_reason: reason.clone() }.into())]
        }
        _ => vec![],
    }
}

fn dispatch(stage: &Stage, order_id: OrderId) -> Vec<Event> {
    let Stage::Scheduled { tracking } = stage else { return vec![] };
    vec![LogEvent::Public(ShipmentDispatched { order_id, tracking: tracking.clone() }.into())]
}

fn private(event: ShipmentStep) -> Event {
    LogEvent::Internal(event)
}

impl Stage {
    fn after(self, event: &ShippingEvent) -> Self {
        match (event, self) {
            (ShippingEvent::ShipmentScheduled(event), _) => Self::Scheduled { tracking: event.tracking.clone() },
            (ShippingEvent::ShipmentRejected(_), _) => Self::Rejected,
            (ShippingEvent::ShipmentCancelled(_), _) => Self::Cancelled,
            (ShippingEvent::ShipmentDispatched(event), _) => {
                Self::Dispatched { tracking: event.tracking.clone(), cancellation_refused: false }
            }
            (ShippingEvent::ShipmentCancellationRefused(_), Self::Dispatched { tracking, .. }) => {
                Self::Dispatched { tracking, cancellation_refused: true }
            }
            (ShippingEvent::ShipmentCancellationRefused(_), other) => other,
        }
    }

    /// One word for the stage.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Booking => "booking",
            Self::Scheduled { .. } => "scheduled",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Dispatched { .. } => "dispatched",
        }
    }
}
