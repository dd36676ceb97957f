//! Folding of logs, including those that earlier versions wrote.

use contracts::{
    CancelReason,
    samples::{CAPTURE_ID, CARD, ORDER, TOTAL},
};
use decider::{Decider, SagaMetric, Service};
use decider_testing::{assert_stored_as, stored};
use payment::decider::{Event, Payment, State};
use serde_json::{Value, json};

use crate::{
    captured, charge_started, charged, charging, declined, due, given, order_recorded, refund_started, refunded,
    refunding, reservation_recorded, state, void_started, voided, voiding,
};

const REASON: CancelReason = CancelReason::Customer;

fn due_json() -> Value {
    json!({ "order_id": ORDER, "amount": { "minor": TOTAL.minor, "currency": "EUR" }, "card": CARD })
}

/// `OrderRecorded` as earlier versions stored it.
fn due_noted() -> Event {
    stored::<Payment>("DueNoted", &due_json())
}

/// `ReservationRecorded` as earlier versions stored it.
fn reservation_noted() -> Event {
    stored::<Payment>("ReservationNoted", &json!({ "order_id": ORDER }))
}

#[test]
fn internal_events_read_back_under_their_old_names() {
    assert_eq!(due_noted(), order_recorded());
    assert_eq!(reservation_noted(), reservation_recorded());
}

#[test]
fn internal_events_are_stored_under_their_names() {
    let refund = json!({ "order_id": ORDER, "capture_id": CAPTURE_ID, "amount": TOTAL, "reason": "customer" });
    let expected = [
        (order_recorded(), "OrderRecorded", due_json()),
        (reservation_recorded(), "ReservationRecorded", json!({ "order_id": ORDER })),
        (charge_started(), "ChargeStarted", due_json()),
        (void_started(REASON), "VoidStarted", json!({ "order_id": ORDER, "reason": "customer" })),
        (refund_started(REASON), "RefundStarted", refund),
    ];
    for (event, name, data) in expected {
        assert_stored_as::<Payment>(&event, name, &data);
    }
}

/// Earlier versions stored both facts before each charge, in the order of their arrival.
#[test]
fn logs_of_earlier_versions_fold_to_the_same_state() {
    let (amount, capture_id) = (TOTAL, CAPTURE_ID.to_owned());
    let captured_state = || State::Captured { amount, capture_id: capture_id.clone() };
    let refunding_state = State::Refunding { amount, capture_id: capture_id.clone(), reason: REASON };
    let endings = [
        (vec![], State::Charging(due())),
        (vec![captured()], captured_state()),
        (vec![declined()], State::Declined { amount }),
        (vec![void_started(REASON)], State::Voiding { due: due(), reason: REASON }),
        (vec![void_started(REASON), declined()], State::Declined { amount }),
        (vec![void_started(REASON), voided(REASON)], State::Voided { amount: Some(amount) }),
        (vec![void_started(REASON), captured(), refund_started(REASON)], refunding_state.clone()),
        (vec![captured(), refund_started(REASON)], refunding_state),
        (vec![captured(), refund_started(REASON), refunded(REASON)], State::Refunded { amount }),
    ];
    for start in [[due_noted(), reservation_noted()], [reservation_noted(), due_noted()]] {
        for (ending, state) in &endings {
            let log = [&start[..], &[charge_started()], ending].concat();
            assert_eq!(&Payment::fold(State::New, &log), state, "{log:?}");
        }
    }
    assert_eq!(Payment::fold(State::New, &[due_noted()]), State::OrderRecorded(due()));
    assert_eq!(Payment::fold(State::New, &[reservation_noted()]), State::ReservationRecorded);
    let void = |fact| Payment::fold(State::New, &[fact, voided(REASON)]);
    assert_eq!(void(due_noted()), State::Voided { amount: Some(amount) });
    assert_eq!(void(reservation_noted()), State::Voided { amount: None });
}

#[test]
fn status_names_the_state() {
    let expected = [
        (vec![], "waiting", None),
        (vec![order_recorded()], "waiting", Some(TOTAL)),
        (vec![reservation_recorded()], "waiting", None),
        (charging(), "charging", Some(TOTAL)),
        (charged(), "captured", Some(TOTAL)),
        (voiding(REASON), "voiding", Some(TOTAL)),
        (refunding(REASON), "refunding", Some(TOTAL)),
        ([charging(), vec![declined()]].concat(), "declined", Some(TOTAL)),
        (vec![voided(REASON)], "voided", None),
        (vec![order_recorded(), voided(REASON)], "voided", Some(TOTAL)),
        ([refunding(REASON), vec![refunded(REASON)]].concat(), "refunded", Some(TOTAL)),
    ];
    for (events, status, amount) in expected {
        let state = state(&given(events));
        assert_eq!((Payment::status(&state), state.amount()), (status, amount));
    }
}

#[test]
fn metric_counts_refunds_and_voids_as_compensated() {
    let metric = |event: &Event| Payment::metric(&State::New, event);
    let compensated = Some(SagaMetric::Compensated { reason: "customer" });
    assert_eq!(metric(&refunded(REASON)), compensated);
    assert_eq!(metric(&voided(REASON)), compensated);
    for event in [refunding(REASON), voiding(REASON), vec![declined()]].concat() {
        assert_eq!(metric(&event), None, "{event:?}");
    }
}
