//! Tests of the shipping decider and its policy.

mod carrier;
mod log;
mod properties;
mod saga;

use contracts::{
    CancelReason,
    samples::{self, ORDER, TRACKING},
};
use decider::{LogEvent, StreamId};
use decider_testing::Case;
use shipping::{
    decider::{BookingResult, Command, Destination, Event, ShipmentStep, Shipping, State},
    policy::SHIPMENTS,
};

/// Reasons for a requested cancellation.
const REASONS: [CancelReason; 2] = [CancelReason::Customer, CancelReason::DeadlinePassed];
const DISPATCH: Command = Command::Dispatch(ORDER);
const CANCELLATION_RESPONSE: Command = Command::RecordCancellation(ORDER);

fn given(events: impl IntoIterator<Item = Event>) -> Case<Shipping> {
    Case::new(StreamId::new(SHIPMENTS, ORDER), |_| true).given(events)
}

fn state(case: &Case<Shipping>) -> State {
    case.state(&DISPATCH)
}

fn destination() -> Destination {
    Destination { order_id: ORDER, address: samples::address() }
}

fn order_recorded() -> Event {
    LogEvent::Internal(ShipmentStep::OrderRecorded(destination()))
}

fn commitment_recorded() -> Event {
    LogEvent::Internal(ShipmentStep::CommitmentRecorded { order_id: ORDER })
}

fn booking_started() -> Event {
    LogEvent::Internal(ShipmentStep::BookingStarted(destination()))
}

fn booking_cancellation_started() -> Event {
    LogEvent::Internal(ShipmentStep::BookingCancellationStarted { order_id: ORDER })
}

fn scheduled() -> Event {
    LogEvent::Public(samples::shipment_scheduled().into())
}

fn rejected() -> Event {
    LogEvent::Public(samples::shipment_rejected().into())
}

fn cancelled(reason: CancelReason) -> Event {
    LogEvent::Public(samples::shipment_cancelled(reason).into())
}

fn dispatched() -> Event {
    LogEvent::Public(samples::shipment_dispatched().into())
}

fn cancellation_refused() -> Event {
    LogEvent::Public(samples::shipment_cancellation_refused().into())
}

/// Events that lead to [`State::Booking`].
fn booking() -> Vec<Event> {
    vec![order_recorded(), booking_started()]
}

/// Events that lead to [`State::Scheduled`].
fn booked() -> Vec<Event> {
    [booking(), vec![scheduled()]].concat()
}

/// Events that lead to [`State::Rejected`].
fn refused() -> Vec<Event> {
    [booking(), vec![rejected()]].concat()
}

/// Events that lead to [`State::Dispatched`].
fn in_transit() -> Vec<Event> {
    [booked(), vec![dispatched()]].concat()
}

fn booked_response() -> Command {
    Command::RecordBooking { order_id: ORDER, result: BookingResult::Booked { tracking: TRACKING.into() } }
}

fn refused_response() -> Command {
    let reason = samples::shipment_rejected().carrier_reason;
    Command::RecordBooking { order_id: ORDER, result: BookingResult::Refused { reason } }
}

/// All responses of the carrier.
fn responses() -> [Command; 3] {
    [booked_response(), refused_response(), CANCELLATION_RESPONSE]
}
