//! Cancellation by the customer and at the deadline.

use contracts::{
    CancelReason,
    samples::{DEADLINE, ORDER, sku},
};
use decider::{Service as _, StreamId};
use decider_testing::NOW;
use order::{
    decider::{Command, Fact, Order},
    policy::{ORDERS, PRODUCTS},
};

use crate::{
    CANCEL, EXPIRE, FACTS, PAID, TEA, cancellation_requested, cancelled, catalog, confirmed, given, place, placed,
    recorded, state,
};

#[test]
fn cancellation_is_requested_once() {
    given(&[])
        .when_commanded(&CANCEL)
        .then([cancellation_requested(CancelReason::Customer)])
        .when_commanded(&CANCEL)
        .then([])
        .when_commanded(&EXPIRE)
        .then([]);
}

#[test]
fn cancellation_has_no_effect_when_order_is_unknown() {
    catalog()
        .when_commanded(&CANCEL)
        .then([])
        .when_commanded(&EXPIRE)
        .then([])
        .when_commanded(&place(&[("MUG", 2), (TEA, 1)]))
        .then([placed()]);
}

#[test]
fn confirmed_order_can_be_cancelled_but_cannot_expire() {
    given(&[Fact::ShipmentScheduled])
        .given([confirmed()])
        .when_commanded(&EXPIRE)
        .then([])
        .when_commanded(&CANCEL)
        .then([cancellation_requested(CancelReason::Customer)]);
}

#[test]
fn cancellation_has_no_effect_when_compensating_or_dispatched() {
    let final_facts = [
        Fact::StockReservationRejected,
        Fact::StockReleased,
        Fact::PaymentDeclined,
        Fact::PaymentRefunded,
        Fact::PaymentVoided,
        Fact::ShipmentRejected,
        Fact::ShipmentCancelled,
        Fact::ShipmentCancellationRefused,
        Fact::ShipmentDispatched,
    ];
    for fact in FACTS {
        for (command, reason) in [(CANCEL, CancelReason::Customer), (EXPIRE, CancelReason::DeadlinePassed)] {
            let requested = (!final_facts.contains(&fact)).then(|| cancellation_requested(reason));
            given(&[]).given([recorded(fact)]).when_commanded(&command).then(requested);
        }
    }
}

#[test]
fn cancellation_has_no_effect_when_order_is_cancelled() {
    given(&[Fact::StockReservationRejected])
        .given([cancelled(CancelReason::OutOfStock)])
        .when_commanded(&CANCEL)
        .then([])
        .when_commanded(&EXPIRE)
        .then([]);
}

/// The outcome alone suffices, whatever facts led to it.
#[test]
fn cancelled_order_cannot_be_cancelled_again() {
    given(&[]).given([cancelled(CancelReason::OutOfStock)]).when_commanded(&CANCEL).then([]);
}

#[test]
fn order_requests_its_cancellation_when_deadline_passes() {
    for known in 0..=PAID.len() {
        let case = given(&PAID[..known]);
        assert_eq!(Order::next_timer(&state(&case)), Some(DEADLINE));
        let command = Order::on_timer(&StreamId::new(ORDERS, ORDER), DEADLINE).expect("an order has a timer");
        let case = case.when_commanded(&command).then([cancellation_requested(CancelReason::DeadlinePassed)]);
        assert!(Order::next_timer(&state(&case)) > Some(DEADLINE), "the next timer is for a wave");
    }
}

#[test]
fn deadline_is_void_when_order_has_ended_or_is_compensating() {
    let confirmed = given(&[Fact::ShipmentScheduled]).given([confirmed()]);
    let cancelling = given(&[]).given([cancellation_requested(CancelReason::Customer)]);
    let declined = given(&[Fact::PaymentDeclined]);
    let dispatched = given(&[Fact::ShipmentDispatched]).given([self::confirmed()]);
    for case in [confirmed, cancelling, declined, dispatched] {
        case.when_commanded(&EXPIRE).then([]);
    }
    assert_eq!(Order::next_timer(&state(&catalog())), None, "a product has no deadline");
}

#[test]
fn timer_expires_orders_only() {
    let command = Order::on_timer(&StreamId::new(ORDERS, ORDER), NOW);
    assert!(matches!(command, Some(Command::Expire { order_id: ORDER, at }) if at == NOW), "{command:?}");
    assert!(Order::on_timer(&StreamId::new(PRODUCTS, sku("MUG")), NOW).is_none());
}
