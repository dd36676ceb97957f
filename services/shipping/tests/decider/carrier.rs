//! Calls to the carrier, and its responses.

use contracts::{CancelReason, samples::ORDER};
use decider::{Service, StreamId};
use decider_testing::{NOW, assert_reads_back};
use shipping::{
    decider::Shipping,
    policy::{CarrierCall, SHIPMENTS},
};

use crate::{
    CANCELLATION_RESPONSE, booked, booked_response, booking, booking_cancellation_started, booking_started,
    cancellation_refused, cancelled, commitment_recorded, destination, dispatched, given, in_transit, order_recorded,
    refused, refused_response, rejected, responses, scheduled, state,
};

#[test]
fn booking_is_scheduled_or_rejected() {
    given(booking()).when_commanded(&booked_response()).then([scheduled()]);
    given(booking()).when_commanded(&refused_response()).then([rejected()]);
}

#[test]
fn response_has_no_effect_when_shipment_is_cancelled() {
    for response in responses() {
        for events in [booking(), booked()] {
            given(events).given([cancelled(CancelReason::Customer)]).when_commanded(&response).then([]);
        }
    }
}

#[test]
fn second_response_has_no_effect() {
    for first in [booked_response(), refused_response()] {
        for second in responses() {
            given(booking()).when_commanded(&first).when_commanded(&second).then([]);
        }
    }
}

#[test]
fn response_has_no_effect_when_no_call_is_open() {
    let waiting = [vec![], vec![order_recorded()], vec![commitment_recorded()]];
    for events in [&waiting[..], &[booked(), refused(), in_transit()]].concat() {
        for response in responses() {
            given(events.clone()).when_commanded(&response).then([]);
        }
    }
}

#[test]
fn cancelled_shipment_ignores_the_carriers_confirmation() {
    let cancelled = [booked(), vec![cancelled(CancelReason::Customer), booking_cancellation_started()]].concat();
    given(cancelled).when_commanded(&CANCELLATION_RESPONSE).then([]);
}

#[test]
fn started_events_request_carrier_calls() {
    assert_eq!(Shipping::intent(&booking_started()), Some(CarrierCall::Book(destination())));
    assert_eq!(Shipping::intent(&booking_cancellation_started()), Some(CarrierCall::Cancel(ORDER)));
}

#[test]
fn other_events_request_no_call() {
    let recorded = [order_recorded(), commitment_recorded()];
    let facts = [scheduled(), rejected(), cancelled(CancelReason::Customer), dispatched(), cancellation_refused()];
    for event in [&recorded[..], &facts].concat() {
        assert_eq!(Shipping::intent(&event), None, "{event:?}");
    }
}

#[test]
fn carrier_calls_read_back_from_json() {
    for call in [CarrierCall::Book(destination()), CarrierCall::Cancel(ORDER)] {
        assert_reads_back(&call);
    }
}

#[test]
fn shipping_sets_no_timers() {
    assert_eq!(Shipping::next_timer(&state(&given(booking()))), None);
    assert!(Shipping::on_timer(&StreamId::new(SHIPMENTS, ORDER), NOW).is_none());
}
