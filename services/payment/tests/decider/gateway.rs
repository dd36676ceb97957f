//! Calls to the payment gateway, and its responses.

use contracts::{
    CancelReason,
    payment::PaymentDeclined,
    samples::{CAPTURE_ID, ORDER, TOTAL},
};
use decider::{LogEvent, Service, StreamId};
use decider_testing::{NOW, assert_reads_back};
use payment::{
    decider::Payment,
    policy::{GatewayCall, PAYMENTS},
};

use crate::{
    REASONS, capture_response, captured, charge_started, charged, charging, decline_response, declined, due, given,
    order_recorded, refund_response, refund_started, refunded, refunding, reservation_recorded, responses, state,
    void_response, void_started, voided, voiding,
};

#[test]
fn charge_is_captured_or_declined() {
    given(charging()).when_commanded(&capture_response()).then([captured()]);
    given(charging()).when_commanded(&decline_response()).then([declined()]);
}

#[test]
fn charge_is_declined_when_voided_at_the_gateway() {
    let declined = PaymentDeclined { order_id: ORDER, code: "voided".into() };
    given(charging()).when_commanded(&void_response()).then([LogEvent::Public(declined.into())]);
}

#[test]
fn charge_is_voided_when_void_is_in_time() {
    for reason in REASONS {
        given(voiding(reason)).when_commanded(&void_response()).then([voided(reason)]);
    }
}

#[test]
fn charge_is_captured_and_refunded_when_void_is_too_late() {
    for reason in REASONS {
        given(voiding(reason))
            .when_commanded(&capture_response())
            .then([captured(), refund_started(reason)])
            .when_commanded(&refund_response())
            .then([refunded(reason)]);
    }
}

#[test]
fn charge_is_declined_when_gateway_declines_during_void() {
    given(voiding(CancelReason::Customer)).when_commanded(&decline_response()).then([declined()]);
}

#[test]
fn refund_carries_the_reason_of_its_request() {
    for reason in REASONS {
        given(refunding(reason)).when_commanded(&refund_response()).then([refunded(reason)]);
    }
}

/// Both the charge and its void are answered, in either order; the first response decides.
#[test]
fn second_response_has_no_effect() {
    let to_a_charge = [capture_response(), decline_response(), void_response()];
    for first in &to_a_charge {
        for second in &to_a_charge {
            given(voiding(CancelReason::Customer)).when_commanded(first).when_commanded(second).then([]);
            given(charging()).when_commanded(first).when_commanded(second).then([]);
        }
    }
}

#[test]
fn response_has_no_effect_when_no_call_is_open() {
    let reason = CancelReason::Customer;
    let settled = [
        vec![],
        vec![order_recorded()],
        vec![reservation_recorded()],
        vec![voided(reason)],
        [charging(), vec![declined()]].concat(),
        [refunding(reason), vec![refunded(reason)]].concat(),
        [voiding(reason), vec![voided(reason)]].concat(),
    ];
    for events in settled {
        for response in responses() {
            given(events.clone()).when_commanded(&response).then([]);
        }
    }
}

#[test]
fn refund_response_has_no_effect_when_no_refund_is_open() {
    for events in [charging(), charged(), voiding(CancelReason::Customer)] {
        given(events).when_commanded(&refund_response()).then([]);
    }
}

#[test]
fn charge_response_has_no_effect_when_captured() {
    for events in [charged(), refunding(CancelReason::Customer)] {
        for response in [capture_response(), decline_response(), void_response()] {
            given(events.clone()).when_commanded(&response).then([]);
        }
    }
}

fn calls() -> [GatewayCall; 3] {
    let refund = GatewayCall::Refund { order_id: ORDER, capture_id: CAPTURE_ID.into(), amount: TOTAL };
    [GatewayCall::Charge(due()), GatewayCall::Void(ORDER), refund]
}

#[test]
fn started_events_request_gateway_calls() {
    let reason = CancelReason::Customer;
    let requested =
        [charge_started(), void_started(reason), refund_started(reason)].map(|event| Payment::intent(&event));
    assert_eq!(requested, calls().map(Some));
}

#[test]
fn other_events_request_no_call() {
    let reason = CancelReason::Customer;
    for event in [order_recorded(), reservation_recorded(), captured(), declined(), voided(reason), refunded(reason)] {
        assert_eq!(Payment::intent(&event), None, "{event:?}");
    }
}

#[test]
fn gateway_calls_read_back_from_json() {
    for call in calls() {
        assert_reads_back(&call);
    }
}

#[test]
fn payment_sets_no_timers() {
    assert_eq!(Payment::next_timer(&state(&given(charging()))), None);
    assert!(Payment::on_timer(&StreamId::new(PAYMENTS, ORDER), NOW).is_none());
}
