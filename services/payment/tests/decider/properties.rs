//! Properties of every sequence of commands.

use contracts::{CancelReason, payment::PaymentEvent, samples::ORDER};
use decider::LogEvent;
use payment::decider::{Command, Event, PaymentStep, State};
use proptest::{prelude::*, sample::select};

use crate::{due, given, responses, state};

fn any_command() -> impl Strategy<Value = Command> {
    let compensate = select(vec![CancelReason::Customer, CancelReason::ShipmentRejected])
        .prop_map(|reason| Command::Compensate { order_id: ORDER, reason });
    let others = [Command::RecordOrder(due()), Command::Charge(ORDER)];
    prop_oneof![2 => select(others.to_vec()), 1 => compensate, 2 => select(responses().to_vec())]
}

/// Returns true if a state may follow compensation: nothing is charged, or a void or refund is in progress.
fn is_compensated(state: &State) -> bool {
    match state {
        State::New | State::OrderRecorded(_) | State::ReservationRecorded => false,
        State::Charging(_) | State::Captured { .. } => false,
        State::Voiding { .. } | State::Refunding { .. } => true,
        State::Declined { .. } | State::Refunded { .. } | State::Voided { .. } => true,
    }
}

fn is_charge(event: &Event) -> bool {
    matches!(event, LogEvent::Internal(PaymentStep::ChargeStarted(_)))
}

fn is_capture(event: &Event) -> bool {
    matches!(event, LogEvent::Public(PaymentEvent::PaymentCaptured(_)))
}

fn is_refund(event: &Event) -> bool {
    matches!(event, LogEvent::Internal(PaymentStep::RefundStarted { .. }))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn order_is_charged_at_most_once_and_always_compensated(
        commands in proptest::collection::vec(any_command(), 1..30),
    ) {
        let mut case = given([]);
        let mut log = vec![];
        let (mut charge_responses, mut refund_responses) = (0, 0);
        let (mut order_seen, mut reservation_seen, mut compensation_seen) = (false, false, false);
        for command in &commands {
            let events = case.decide(command);
            match command {
                Command::RecordCharge { .. } => charge_responses += usize::from(!events.is_empty()),
                Command::RecordRefund { .. } => refund_responses += usize::from(!events.is_empty()),
                Command::Compensate { .. } => compensation_seen = true,
                Command::RecordOrder(_) => order_seen = true,
                Command::Charge(_) => reservation_seen = true,
            }
            let is_charged = events.iter().any(is_charge);
            prop_assert!(!is_charged || order_seen && reservation_seen, "charged before both facts: {:?}", log);
            prop_assert!(!is_charged || !compensation_seen, "charged after compensation: {:?}", log);
            log.extend(events);
            let state = state(&case);
            prop_assert!(!compensation_seen || is_compensated(&state), "{:?} after compensation", state);
        }
        let count = |is_counted: fn(&Event) -> bool| log.iter().filter(|event| is_counted(event)).count();
        let (charges, captures, refunds) = (count(is_charge), count(is_capture), count(is_refund));
        prop_assert!(refunds <= captures && captures <= charges && charges <= 1, "{:?}", log);
        prop_assert!(charge_responses <= charges, "a charge has two effective responses: {:?}", log);
        prop_assert!(refund_responses <= refunds, "a refund has two effective responses: {:?}", log);
    }
}
