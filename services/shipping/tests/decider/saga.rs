//! Reactions to other services' events, in any sequence, and the clerk's dispatch.

use contracts::{
    CancelReason,
    samples::{order_cancellation_requested, order_placed, stock_committed},
};
use decider_testing::check_reactions;
use shipping::decider::Shipping;

use crate::{
    DISPATCH, REASONS, booked, booked_response, booking, booking_cancellation_started, booking_started,
    cancellation_refused, cancelled, commitment_recorded, dispatched, given, in_transit, order_recorded, refused,
};

#[test]
fn reactions_match_saga_table() {
    assert_eq!(check_reactions::<Shipping>(), ["OrderPlaced", "StockCommitted", "OrderCancellationRequested"]);
}

#[test]
fn destination_is_recorded_when_order_is_placed() {
    given([]).when(order_placed()).then([order_recorded()]);
}

#[test]
fn parcel_is_booked_when_stock_is_committed() {
    given([order_recorded()]).when(stock_committed()).then([booking_started()]);
}

#[test]
fn commitment_waits_for_the_order_when_it_arrives_first() {
    given([]).when(stock_committed()).then([commitment_recorded()]).when(order_placed()).then([booking_started()]);
}

#[test]
fn shipment_is_cancelled_without_carrier_when_not_booked() {
    for reason in REASONS {
        for known in [vec![], vec![order_recorded()], vec![commitment_recorded()]] {
            given(known).when(order_cancellation_requested(reason)).then([cancelled(reason)]);
        }
    }
}

#[test]
fn booking_is_cancelled_when_order_is_cancelled_before_dispatch() {
    for reason in REASONS {
        for events in [booking(), booked()] {
            given(events)
                .when(order_cancellation_requested(reason))
                .then([cancelled(reason), booking_cancellation_started()]);
        }
    }
}

#[test]
fn cancellation_is_refused_when_parcel_is_dispatched() {
    for reason in REASONS {
        given(in_transit()).when(order_cancellation_requested(reason)).then([cancellation_refused()]);
    }
}

#[test]
fn cancellation_has_no_effect_when_carrier_refused() {
    given(refused()).when(order_cancellation_requested(CancelReason::Customer)).then([]);
}

#[test]
fn dispatch_carries_the_tracking_number() {
    given(booked()).when_commanded(&DISPATCH).then([dispatched()]);
}

#[test]
fn dispatch_has_no_effect_when_not_scheduled() {
    let waiting = [vec![], vec![order_recorded()], vec![commitment_recorded()]];
    let cancelled = [booked(), vec![cancelled(CancelReason::Customer)]].concat();
    for events in [&waiting[..], &[booking(), refused(), cancelled, in_transit()]].concat() {
        given(events).when_commanded(&DISPATCH).then([]);
    }
}

#[test]
fn first_of_dispatch_and_cancellation_decides() {
    let cancellation = || order_cancellation_requested(CancelReason::Customer);
    given(booked())
        .when(cancellation())
        .then([cancelled(CancelReason::Customer), booking_cancellation_started()])
        .when_commanded(&DISPATCH)
        .then([]);
    given(booked()).when_commanded(&DISPATCH).then([dispatched()]).when(cancellation()).then([cancellation_refused()]);
}

#[test]
fn order_never_ships_when_cancelled_before_placement() {
    given([])
        .when(order_cancellation_requested(CancelReason::Customer))
        .then([cancelled(CancelReason::Customer)])
        .when(order_placed())
        .then([])
        .when(stock_committed())
        .then([])
        .when_commanded(&DISPATCH)
        .then([]);
}

#[test]
fn order_never_ships_when_cancelled_before_commitment() {
    given([order_recorded()])
        .when(order_cancellation_requested(CancelReason::Customer))
        .then([cancelled(CancelReason::Customer)])
        .when(stock_committed())
        .then([]);
}

#[test]
fn order_never_ships_when_cancelled_before_destination() {
    given([commitment_recorded()])
        .when(order_cancellation_requested(CancelReason::Customer))
        .then([cancelled(CancelReason::Customer)])
        .when(order_placed())
        .then([]);
}

#[test]
fn repeated_inputs_have_no_effect() {
    given([])
        .when(order_placed())
        .when(order_placed())
        .then([])
        .when(stock_committed())
        .when(stock_committed())
        .then([])
        .when(order_placed())
        .then([])
        .when_commanded(&booked_response())
        .when_commanded(&booked_response())
        .then([])
        .when(stock_committed())
        .then([])
        .when_commanded(&DISPATCH)
        .when_commanded(&DISPATCH)
        .then([])
        .when(order_cancellation_requested(CancelReason::Customer))
        .when(order_cancellation_requested(CancelReason::Customer))
        .then([])
        .when_commanded(&DISPATCH)
        .then([]);
}

#[test]
fn cancellation_is_decided_once_when_requested_twice() {
    for events in [vec![], booking(), booked(), in_transit()] {
        given(events)
            .when(order_cancellation_requested(CancelReason::Customer))
            .when(order_cancellation_requested(CancelReason::DeadlinePassed))
            .then([]);
    }
}
