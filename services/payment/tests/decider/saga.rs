//! Reactions to other services' events, in any sequence.

use contracts::{
    CancelReason,
    samples::{order_placed, shipment_cancelled, shipment_rejected, stock_reserved},
};
use decider_testing::check_reactions;
use payment::decider::Payment;

use crate::{
    REASONS, capture_response, charge_started, charged, charging, declined, given, order_recorded, refund_response,
    refund_started, refunding, reservation_recorded, void_started, voided, voiding,
};

#[test]
fn reactions_match_saga_table() {
    let events = ["OrderPlaced", "StockReserved", "ShipmentRejected", "ShipmentCancelled"];
    assert_eq!(check_reactions::<Payment>(), events);
}

#[test]
fn order_is_recorded_when_placed() {
    given([]).when(order_placed()).then([order_recorded()]);
}

#[test]
fn order_is_charged_when_its_stock_is_reserved() {
    given([order_recorded()]).when(stock_reserved()).then([charge_started()]);
}

#[test]
fn reservation_waits_for_the_order_when_it_arrives_first() {
    given([]).when(stock_reserved()).then([reservation_recorded()]).when(order_placed()).then([charge_started()]);
}

#[test]
fn capture_is_refunded_when_shipment_is_rejected() {
    given(charged()).when(shipment_rejected()).then([refund_started(CancelReason::ShipmentRejected)]);
}

#[test]
fn capture_is_refunded_when_shipment_is_cancelled() {
    for reason in REASONS {
        given(charged()).when(shipment_cancelled(reason)).then([refund_started(reason)]);
    }
}

#[test]
fn payment_is_voided_when_shipment_is_cancelled_before_charge() {
    for reason in REASONS {
        for known in [vec![], vec![order_recorded()], vec![reservation_recorded()]] {
            given(known).when(shipment_cancelled(reason)).then([voided(reason)]);
        }
    }
}

#[test]
fn charge_in_progress_is_voided_when_shipment_is_cancelled() {
    for reason in REASONS {
        given(charging()).when(shipment_cancelled(reason)).then([void_started(reason)]);
    }
}

#[test]
fn compensation_does_nothing_when_charge_was_declined() {
    given(charging())
        .given([declined()])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([])
        .when(shipment_rejected())
        .then([]);
}

#[test]
fn order_is_never_charged_when_cancelled_before_placement() {
    given([])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([voided(CancelReason::Customer)])
        .when(order_placed())
        .then([])
        .when(stock_reserved())
        .then([]);
}

#[test]
fn order_is_never_charged_when_cancelled_before_reservation() {
    given([order_recorded()])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([voided(CancelReason::Customer)])
        .when(stock_reserved())
        .then([]);
}

#[test]
fn order_is_never_charged_when_cancelled_before_amount() {
    given([reservation_recorded()])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([voided(CancelReason::Customer)])
        .when(order_placed())
        .then([]);
}

#[test]
fn repeated_inputs_have_no_effect() {
    given([])
        .when(order_placed())
        .when(order_placed())
        .then([])
        .when(stock_reserved())
        .when(stock_reserved())
        .then([])
        .when(order_placed())
        .then([])
        .when_commanded(&capture_response())
        .when_commanded(&capture_response())
        .then([])
        .when(stock_reserved())
        .then([])
        .when(shipment_rejected())
        .when(shipment_rejected())
        .then([])
        .when_commanded(&refund_response())
        .when_commanded(&refund_response())
        .then([])
        .when(shipment_rejected())
        .then([])
        .when(stock_reserved())
        .then([]);
}

#[test]
fn second_cancel_reason_has_no_effect() {
    let reason = CancelReason::Customer;
    for events in [voiding(reason), refunding(reason), vec![voided(reason)]] {
        given(events)
            .when(shipment_rejected())
            .then([])
            .when(shipment_cancelled(CancelReason::DeadlinePassed))
            .then([]);
    }
}
