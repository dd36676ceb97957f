//! Outcomes of an order, for every sequence of facts.

use contracts::CancelReason;
use decider::{Decider as _, LogEvent};
use order::decider::{Event, Fact, Order, OrderState, State};

use crate::{
    CANCEL, PAID, cancellation_requested, cancelled, confirmed, given, placed, record, recorded, state, status,
};

#[test]
fn order_is_confirmed_when_shipment_is_scheduled() {
    given(&PAID)
        .when_commanded(&record(Fact::ShipmentScheduled))
        .then([recorded(Fact::ShipmentScheduled), confirmed()]);
}

#[test]
fn order_is_confirmed_when_its_dispatch_is_known_first() {
    for fact in [Fact::ShipmentDispatched, Fact::ShipmentCancellationRefused] {
        given(&[])
            .when_commanded(&record(fact))
            .then([recorded(fact), confirmed()])
            .when_commanded(&record(Fact::ShipmentScheduled))
            .then([]);
    }
}

#[test]
fn order_is_cancelled_when_reservation_is_rejected() {
    given(&[])
        .when_commanded(&record(Fact::StockReservationRejected))
        .then([recorded(Fact::StockReservationRejected), cancelled(CancelReason::OutOfStock)]);
}

#[test]
fn declined_order_is_cancelled_when_stock_is_released() {
    given(&[Fact::StockReserved])
        .when_commanded(&record(Fact::PaymentDeclined))
        .then([recorded(Fact::PaymentDeclined)])
        .when_commanded(&record(Fact::StockReleased))
        .then([recorded(Fact::StockReleased), cancelled(CancelReason::PaymentDeclined)]);
}

#[test]
fn rejected_shipment_cancels_when_stock_and_money_are_back() {
    given(&PAID)
        .when_commanded(&record(Fact::ShipmentRejected))
        .then([recorded(Fact::ShipmentRejected)])
        .when_commanded(&record(Fact::PaymentRefunded))
        .then([recorded(Fact::PaymentRefunded)])
        .when_commanded(&record(Fact::StockReleased))
        .then([recorded(Fact::StockReleased), cancelled(CancelReason::ShipmentRejected)]);
}

#[test]
fn confirmed_order_is_cancelled_when_compensated() {
    given(&[])
        .given([recorded(Fact::ShipmentScheduled), confirmed()])
        .when_commanded(&CANCEL)
        .then([cancellation_requested(CancelReason::Customer)])
        .when_commanded(&record(Fact::ShipmentCancelled))
        .then([recorded(Fact::ShipmentCancelled)])
        .when_commanded(&record(Fact::StockReleased))
        .then([recorded(Fact::StockReleased)])
        .when_commanded(&record(Fact::PaymentRefunded))
        .then([recorded(Fact::PaymentRefunded), cancelled(CancelReason::Customer)]);
}

#[test]
fn order_stays_confirmed_when_cancellation_is_refused() {
    let case = given(&[])
        .given([recorded(Fact::ShipmentScheduled), confirmed(), cancellation_requested(CancelReason::Customer)])
        .when_commanded(&record(Fact::ShipmentCancellationRefused))
        .then([recorded(Fact::ShipmentCancellationRefused)]);
    assert_eq!(status(&case), "dispatched");
    assert_eq!(state(&case).order.as_ref().and_then(OrderState::reason), None);
}

/// While shipping may still cancel, the order is not confirmed.
#[test]
fn scheduled_order_waits_when_cancellation_is_requested() {
    let requested = || {
        given(&[])
            .when_commanded(&CANCEL)
            .when_commanded(&record(Fact::ShipmentScheduled))
            .then([recorded(Fact::ShipmentScheduled)])
    };
    for decision in [Fact::ShipmentCancellationRefused, Fact::ShipmentDispatched] {
        requested().when_commanded(&record(decision)).then([recorded(decision), confirmed()]);
    }
    requested().when_commanded(&record(Fact::ShipmentCancelled)).then([recorded(Fact::ShipmentCancelled)]);
}

#[test]
fn scheduled_order_is_not_confirmed_when_compensation_has_begun() {
    for fact in [Fact::StockReleased, Fact::PaymentDeclined, Fact::PaymentRefunded, Fact::PaymentVoided] {
        given(&[fact]).when_commanded(&record(Fact::ShipmentScheduled)).then([recorded(Fact::ShipmentScheduled)]);
    }
}

/// Cancellation by the customer before any fact is known.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cancellation {
    Requested,
    NotRequested,
}

/// All facts of one course of the saga, and its outcome.
type Course = (Cancellation, Vec<Fact>, Event);

fn undisturbed_courses() -> Vec<Course> {
    use Cancellation::NotRequested;
    use Fact::{
        PaymentDeclined, PaymentRefunded, ShipmentDispatched, ShipmentRejected, ShipmentScheduled, StockReleased,
        StockReservationRejected, StockReserved,
    };
    let rejected = [ShipmentRejected, StockReleased, PaymentRefunded];
    vec![
        (NotRequested, [&PAID[..], &[ShipmentScheduled]].concat(), confirmed()),
        (NotRequested, [&PAID[..], &[ShipmentScheduled, ShipmentDispatched]].concat(), confirmed()),
        (NotRequested, vec![StockReservationRejected], cancelled(CancelReason::OutOfStock)),
        (NotRequested, vec![StockReserved, PaymentDeclined, StockReleased], cancelled(CancelReason::PaymentDeclined)),
        (NotRequested, [&PAID[..], &rejected].concat(), cancelled(CancelReason::ShipmentRejected)),
    ]
}

fn cancelled_courses() -> Vec<Course> {
    use Fact::{
        PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentVoided, ShipmentCancellationRefused,
        ShipmentCancelled, ShipmentDispatched, ShipmentScheduled, StockReleased, StockReservationRejected,
        StockReserved,
    };
    let customer = || cancelled(CancelReason::Customer);
    let in_time = [ShipmentScheduled, ShipmentCancelled, StockReleased, PaymentRefunded];
    let too_late = [ShipmentScheduled, ShipmentDispatched, ShipmentCancellationRefused];
    let courses = [
        // Before anything was done.
        (vec![ShipmentCancelled, StockReleased, PaymentVoided], customer()),
        // While inventory rejected the reservation.
        (vec![ShipmentCancelled, StockReservationRejected, PaymentVoided], cancelled(CancelReason::OutOfStock)),
        // While the charge was in progress: its void came in time or too late, or the charge was declined.
        (vec![ShipmentCancelled, StockReserved, StockReleased, PaymentVoided], customer()),
        (vec![ShipmentCancelled, StockReserved, StockReleased, PaymentCaptured, PaymentRefunded], customer()),
        (
            vec![ShipmentCancelled, StockReserved, StockReleased, PaymentDeclined],
            cancelled(CancelReason::PaymentDeclined),
        ),
        // After the shipment was scheduled: before and after the dispatch.
        ([&PAID[..], &in_time].concat(), customer()),
        ([&PAID[..], &too_late].concat(), confirmed()),
    ];
    courses.into_iter().map(|(facts, outcome)| (Cancellation::Requested, facts, outcome)).collect()
}

#[test]
fn outcome_is_the_same_for_every_sequence_of_facts() {
    for (cancellation, facts, outcome) in [undisturbed_courses(), cancelled_courses()].concat() {
        for sequence in permutations(&facts) {
            let outcomes = outcomes(cancellation, &sequence);
            assert_eq!(outcomes, vec![outcome.clone()], "{cancellation:?}, then {sequence:?}");
        }
    }
}

/// Facts of one topic usually keep their sequence. A retried dead letter breaks it.
#[test]
fn progress_is_the_same_when_a_topics_facts_are_reordered() {
    let topics: [&[Fact]; 8] = [
        &[Fact::StockReserved, Fact::StockCommitted],
        &[Fact::StockReserved, Fact::StockReleased],
        &[Fact::StockReserved, Fact::StockCommitted, Fact::StockReleased],
        &[Fact::PaymentCaptured, Fact::PaymentRefunded],
        &[Fact::ShipmentScheduled, Fact::ShipmentCancelled],
        &[Fact::ShipmentScheduled, Fact::ShipmentDispatched],
        &[Fact::ShipmentScheduled, Fact::ShipmentDispatched, Fact::ShipmentCancellationRefused],
        &[Fact::ShipmentDispatched, Fact::ShipmentCancellationRefused],
    ];
    for facts in topics {
        let in_sequence = run(Cancellation::Requested, facts);
        for sequence in permutations(facts) {
            let reordered = run(Cancellation::Requested, &sequence);
            assert_eq!(reordered, in_sequence, "{sequence:?}");
        }
    }
}

/// Both reasons apply. The order is cancelled for the first one that it records.
#[test]
fn order_is_cancelled_once_when_carrier_and_customer_cancel() {
    for sequence in permutations(&[Fact::ShipmentRejected, Fact::StockReleased, Fact::PaymentRefunded]) {
        let outcomes = outcomes(Cancellation::Requested, &sequence);
        let reasons = [CancelReason::ShipmentRejected, CancelReason::Customer].map(|reason| vec![cancelled(reason)]);
        assert!(reasons.contains(&outcomes), "{sequence:?} led to {outcomes:?}");
    }
}

/// Contract events that a sequence of facts leads to.
fn outcomes(cancellation: Cancellation, facts: &[Fact]) -> Vec<Event> {
    run(cancellation, facts).1
}

/// State and contract events that a sequence of facts leads to. Without the checks of a `Case`: there are thousands.
fn run(cancellation: Cancellation, facts: &[Fact]) -> (State, Vec<Event>) {
    let mut state = Order::fold(State::default(), &[placed()]);
    if cancellation == Cancellation::Requested {
        state = Order::evolve(state, &cancellation_requested(CancelReason::Customer));
    }
    let mut outcomes = vec![];
    for fact in facts {
        let events = Order::decide(&state, &record(*fact));
        state = Order::fold(state, &events);
        outcomes.extend(events.into_iter().filter(|event| matches!(event, LogEvent::Public(_))));
    }
    (state, outcomes)
}

/// Every sequence of the items.
fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let starting_with = |first: usize| {
        let mut rest = items.to_vec();
        let first = rest.remove(first);
        permutations(&rest).into_iter().map(move |tail| [vec![first.clone()], tail].concat())
    };
    (0..items.len()).flat_map(starting_with).collect()
}
