//! Folding of logs, including those that earlier versions wrote.

use contracts::{
    CancelReason,
    samples::{ORDER, TRACKING},
};
use decider::{Decider, SagaMetric, Service};
use decider_testing::{assert_stored_as, stored};
use serde_json::{Value, json};
use shipping::decider::{Event, Shipping, State};

use crate::{
    booked, booking, booking_cancellation_started, booking_started, cancellation_refused, cancelled,
    commitment_recorded, destination, dispatched, given, in_transit, order_recorded, refused, rejected, scheduled,
    state,
};

const REASON: CancelReason = CancelReason::DeadlinePassed;

fn destination_json() -> Value {
    let address = json!({
        "name": "Ada Lovelace",
        "street": "12 Analytical Way",
        "city": "London",
        "postal_code": "N1 7AA",
        "country": "GB",
    });
    json!({ "order_id": ORDER, "address": address })
}

/// `OrderRecorded` as earlier versions stored it.
fn destination_noted() -> Event {
    stored::<Shipping>("DestinationNoted", &destination_json())
}

/// `CommitmentRecorded` as earlier versions stored it.
fn commitment_noted() -> Event {
    stored::<Shipping>("CommitmentNoted", &json!({ "order_id": ORDER }))
}

#[test]
fn internal_events_read_back_under_their_old_names() {
    assert_eq!(destination_noted(), order_recorded());
    assert_eq!(commitment_noted(), commitment_recorded());
}

#[test]
fn internal_events_are_stored_under_their_names() {
    let order = json!({ "order_id": ORDER });
    let expected = [
        (order_recorded(), "OrderRecorded", destination_json()),
        (commitment_recorded(), "CommitmentRecorded", order.clone()),
        (booking_started(), "BookingStarted", destination_json()),
        (booking_cancellation_started(), "BookingCancellationStarted", order),
    ];
    for (event, name, data) in expected {
        assert_stored_as::<Shipping>(&event, name, &data);
    }
}

fn dispatched_state(cancellation_refused: bool) -> State {
    State::Dispatched { destination: destination(), tracking: TRACKING.into(), cancellation_refused }
}

/// Earlier versions stored both facts before each booking, in the order of their arrival.
#[test]
fn logs_of_earlier_versions_fold_to_the_same_state() {
    let scheduled_state = State::Scheduled { destination: destination(), tracking: TRACKING.into() };
    let cancelled_state = State::Cancelled { destination: Some(destination()) };
    let cancellation = [cancelled(REASON), booking_cancellation_started()];
    let endings = [
        (vec![], State::Booking(destination())),
        (vec![scheduled()], scheduled_state),
        (vec![rejected()], State::Rejected { destination: destination() }),
        (cancellation.to_vec(), cancelled_state.clone()),
        ([&[scheduled()], &cancellation[..]].concat(), cancelled_state.clone()),
        (vec![scheduled(), dispatched()], dispatched_state(false)),
        (vec![scheduled(), dispatched(), cancellation_refused()], dispatched_state(true)),
    ];
    for start in [[destination_noted(), commitment_noted()], [commitment_noted(), destination_noted()]] {
        for (ending, state) in &endings {
            let log = [&start[..], &[booking_started()], ending].concat();
            assert_eq!(&Shipping::fold(State::New, &log), state, "{log:?}");
        }
    }
    assert_eq!(Shipping::fold(State::New, &[destination_noted()]), State::OrderRecorded(destination()));
    assert_eq!(Shipping::fold(State::New, &[commitment_noted()]), State::CommitmentRecorded);
    let cancel = |fact| Shipping::fold(State::New, &[fact, cancelled(REASON)]);
    assert_eq!(cancel(destination_noted()), cancelled_state);
    assert_eq!(cancel(commitment_noted()), State::Cancelled { destination: None });
}

#[test]
fn status_names_the_state() {
    let (unknown, known, tracked) = ((None, None), (Some(destination()), None), (Some(destination()), Some(TRACKING)));
    let expected = [
        (vec![], "waiting", unknown.clone()),
        (vec![order_recorded()], "waiting", known.clone()),
        (vec![commitment_recorded()], "waiting", unknown.clone()),
        (booking(), "booking", known.clone()),
        (booked(), "scheduled", tracked.clone()),
        (refused(), "rejected", known),
        (vec![cancelled(REASON)], "cancelled", unknown),
        (in_transit(), "dispatched", tracked.clone()),
        ([in_transit(), vec![cancellation_refused()]].concat(), "dispatched", tracked),
    ];
    for (events, status, (destination, tracking)) in expected {
        let state = state(&given(events));
        assert_eq!((Shipping::status(&state), state.tracking()), (status, tracking));
        assert_eq!(state.into_destination(), destination);
    }
}

#[test]
fn metric_counts_cancelled_shipments_as_compensated() {
    let metric = |event: &Event| Shipping::metric(&State::New, event);
    assert_eq!(metric(&cancelled(REASON)), Some(SagaMetric::Compensated { reason: "deadline_passed" }));
    for event in [in_transit(), refused(), vec![cancellation_refused(), booking_cancellation_started()]].concat() {
        assert_eq!(metric(&event), None, "{event:?}");
    }
}
