//! Tests of the payment decider and its policy.

mod gateway;
mod log;
mod properties;
mod saga;

use contracts::{
    CancelReason,
    samples::{self, CAPTURE_ID, CARD, ORDER, TOTAL},
};
use decider::{LogEvent, StreamId};
use decider_testing::Case;
use payment::{
    decider::{AmountDue, ChargeResult, Command, Event, Payment, PaymentStep, State},
    policy::PAYMENTS,
};

/// Reasons for a cancelled shipment.
const REASONS: [CancelReason; 2] = [CancelReason::Customer, CancelReason::DeadlinePassed];

fn given(events: impl IntoIterator<Item = Event>) -> Case<Payment> {
    Case::new(StreamId::new(PAYMENTS, ORDER), |_| true).given(events)
}

fn state(case: &Case<Payment>) -> State {
    case.state(&Command::Charge(ORDER))
}

fn due() -> AmountDue {
    AmountDue { order_id: ORDER, amount: TOTAL, card: CARD.into() }
}

fn order_recorded() -> Event {
    LogEvent::Internal(PaymentStep::OrderRecorded(due()))
}

fn reservation_recorded() -> Event {
    LogEvent::Internal(PaymentStep::ReservationRecorded { order_id: ORDER })
}

fn charge_started() -> Event {
    LogEvent::Internal(PaymentStep::ChargeStarted(due()))
}

fn void_started(reason: CancelReason) -> Event {
    LogEvent::Internal(PaymentStep::VoidStarted { order_id: ORDER, reason })
}

fn refund_started(reason: CancelReason) -> Event {
    let capture_id = CAPTURE_ID.into();
    LogEvent::Internal(PaymentStep::RefundStarted { order_id: ORDER, capture_id, amount: TOTAL, reason })
}

fn captured() -> Event {
    LogEvent::Public(samples::payment_captured().into())
}

fn declined() -> Event {
    LogEvent::Public(samples::payment_declined().into())
}

fn voided(reason: CancelReason) -> Event {
    LogEvent::Public(samples::payment_voided(reason).into())
}

fn refunded(reason: CancelReason) -> Event {
    LogEvent::Public(samples::payment_refunded(reason).into())
}

/// Events that lead to [`State::Charging`].
fn charging() -> Vec<Event> {
    vec![order_recorded(), charge_started()]
}

/// Events that lead to [`State::Captured`].
fn charged() -> Vec<Event> {
    [charging(), vec![captured()]].concat()
}

/// Events that lead to [`State::Voiding`].
fn voiding(reason: CancelReason) -> Vec<Event> {
    [charging(), vec![void_started(reason)]].concat()
}

/// Events that lead to [`State::Refunding`].
fn refunding(reason: CancelReason) -> Vec<Event> {
    [charged(), vec![refund_started(reason)]].concat()
}

fn capture_response() -> Command {
    Command::RecordCharge { order_id: ORDER, result: ChargeResult::Captured { capture_id: CAPTURE_ID.into() } }
}

fn decline_response() -> Command {
    let code = samples::payment_declined().code;
    Command::RecordCharge { order_id: ORDER, result: ChargeResult::Declined { code } }
}

fn void_response() -> Command {
    Command::RecordCharge { order_id: ORDER, result: ChargeResult::Voided }
}

fn refund_response() -> Command {
    let refund_id = samples::payment_refunded(CancelReason::Customer).refund_id;
    Command::RecordRefund { order_id: ORDER, refund_id }
}

/// All responses of the gateway.
fn responses() -> [Command; 4] {
    [capture_response(), decline_response(), void_response(), refund_response()]
}
