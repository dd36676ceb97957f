//! Folding of logs, including those that earlier versions wrote.

use contracts::{CancelReason, samples::ORDER};
use decider::{Decider as _, SagaMetric, Service as _};
use decider_testing::{CAUSE, EVENT, NOW, assert_stored_as, stored};
use order::decider::{
    Event, Fact, Order, OrderState, Outcome, PaymentProgress, Progress, RecordedFact, ShipmentProgress, State,
    StockProgress,
};
use serde_json::{Value, json};

use crate::{
    CANCEL, FACTS, PAID, cancellation_requested, cancelled, confirmed, given, listed, placed, record, recorded, state,
    status,
};

fn fact_json(fact: Fact) -> Value {
    let name: &str = (&fact).into();
    json!({ "order_id": ORDER, "fact": name, "event_id": EVENT, "occurred_at": NOW, "causation_id": CAUSE })
}

/// `FactRecorded` as earlier versions stored it.
fn fact_noted(fact: Fact) -> Event {
    stored::<Order>("FactNoted", &fact_json(fact))
}

#[test]
fn facts_read_back_under_their_old_name() {
    for fact in FACTS {
        assert_eq!(fact_noted(fact), recorded(fact));
    }
    let without_cause = json!({
        "order_id": "0193a5c0-0000-7000-8000-000000000001",
        "fact": "StockReserved",
        "event_id": "00000000-0000-0000-0000-0000000000aa",
        "occurred_at": "2026-11-23T10:00:00Z",
        "causation_id": null,
    });
    let expected = RecordedFact { causation_id: None, ..crate::recorded_fact(Fact::StockReserved) };
    let expected = decider::LogEvent::Internal(order::decider::OrderStep::FactRecorded(expected));
    assert_eq!(stored::<Order>("FactNoted", &without_cause), expected);
}

#[test]
fn internal_events_are_stored_under_their_names() {
    let product = json!({ "sku": "MUG", "name": "A MUG", "price": { "minor": 1250, "currency": "EUR" } });
    let expected = [
        (listed("MUG", 1250), "ProductListed", product),
        (recorded(Fact::StockReserved), "FactRecorded", fact_json(Fact::StockReserved)),
    ];
    for (event, name, data) in expected {
        assert_stored_as::<Order>(&event, name, &data);
    }
}

/// The order after a log of an earlier version.
fn order_after(events: &[Event]) -> OrderState {
    let log = [&[placed()], events].concat();
    Order::fold(State::default(), &log).order.expect("is placed")
}

#[test]
fn logs_of_earlier_versions_fold_to_the_same_state() {
    let paid = PAID.map(fact_noted);
    let shipped = [&paid[..], &[fact_noted(Fact::ShipmentScheduled), confirmed()]].concat();
    let confirmed = order_after(&[&shipped[..], &[fact_noted(Fact::ShipmentDispatched)]].concat());
    let progress = Progress {
        stock: StockProgress::Committed,
        payment: PaymentProgress::Captured,
        shipment: ShipmentProgress::Dispatched,
    };
    assert_eq!((confirmed.progress, confirmed.outcome), (progress, Some(Outcome::Confirmed)));
    let refused = order_after(&[fact_noted(Fact::ShipmentCancellationRefused), fact_noted(Fact::ShipmentDispatched)]);
    assert_eq!(refused.progress.shipment, ShipmentProgress::CancellationRefused);

    let compensation = [Fact::ShipmentCancelled, Fact::StockReleased, Fact::PaymentRefunded].map(fact_noted);
    let reason = CancelReason::Customer;
    let log = [&shipped[..], &[cancellation_requested(reason)], &compensation, &[cancelled(reason)]].concat();
    let cancelled = order_after(&log);
    let progress = Progress {
        stock: StockProgress::Released,
        payment: PaymentProgress::Refunded,
        shipment: ShipmentProgress::Cancelled,
    };
    assert_eq!((cancelled.progress, cancelled.outcome), (progress, Some(Outcome::Cancelled(reason))));
    assert_eq!(cancelled.cancellation, Some(reason));
}

/// Earlier versions recorded facts that came after a later one, too.
#[test]
fn reordered_facts_of_earlier_versions_fold_to_the_same_state() {
    let facts = [Fact::StockReserved, Fact::StockCommitted, Fact::StockReleased, Fact::PaymentCaptured];
    let in_sequence = order_after(&facts.map(fact_noted));
    let [reserved, committed, released, captured] = facts.map(fact_noted);
    assert_eq!(order_after(&[captured, released, reserved, committed]), in_sequence);
}

/// Earlier versions waited for the schedule before they confirmed a dispatched order.
#[test]
fn dispatched_order_of_earlier_versions_is_still_confirmed() {
    for fact in [Fact::ShipmentDispatched, Fact::ShipmentCancellationRefused] {
        given(&[])
            .given([fact_noted(fact)])
            .when_commanded(&record(Fact::ShipmentScheduled))
            .then([confirmed()])
            .when_commanded(&record(Fact::ShipmentScheduled))
            .then([]);
    }
}

#[test]
fn status_names_the_progress() {
    use Fact::{
        PaymentCaptured, PaymentDeclined, ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched,
        ShipmentRejected, ShipmentScheduled, StockCommitted, StockReleased, StockReservationRejected, StockReserved,
    };
    let expected: [(&[Fact], &str); 11] = [
        (&[], "placed"),
        (&[StockReserved], "stock_reserved"),
        (&[StockReserved, PaymentCaptured], "paid"),
        (&[StockReserved, PaymentCaptured, StockCommitted], "stock_committed"),
        (&[StockReserved, PaymentCaptured, StockCommitted, ShipmentScheduled], "confirmed"),
        (&[StockReserved, PaymentCaptured, StockCommitted, ShipmentScheduled, ShipmentDispatched], "dispatched"),
        (&[ShipmentScheduled, ShipmentDispatched, ShipmentCancellationRefused], "dispatched"),
        (&[StockReserved, PaymentDeclined], "cancelling"),
        (&[StockReserved, PaymentCaptured, StockCommitted, ShipmentRejected], "cancelling"),
        (&[ShipmentCancelled, StockReleased], "cancelling"),
        (&[StockReservationRejected], "cancelled"),
    ];
    for (facts, expected) in expected {
        let case = facts.iter().fold(given(&[]), |case, fact| case.when_commanded(&record(*fact)));
        assert_eq!(status(&case), expected, "{facts:?}");
    }
    assert_eq!(status(&given(&[]).when_commanded(&CANCEL)), "cancelling");
}

#[test]
fn request_is_the_reason_until_the_order_is_dispatched() {
    let reason = |events: &[Event]| order_after(events).reason();
    let request = || cancellation_requested(CancelReason::Customer);
    assert_eq!(reason(&[recorded(Fact::ShipmentScheduled)]), None);
    assert_eq!(reason(&[request()]), Some(CancelReason::Customer));
    for dispatched in [Fact::ShipmentDispatched, Fact::ShipmentCancellationRefused] {
        assert_eq!(reason(&[request(), recorded(dispatched)]), None);
    }
    assert_eq!(reason(&[cancelled(CancelReason::OutOfStock)]), Some(CancelReason::OutOfStock));
}

#[test]
fn metric_measures_orders_from_placement_to_outcome() {
    let state = state(&given(&[]));
    let completed = |outcome, reason| Some(SagaMetric::Completed { outcome, reason, started_at: NOW });
    assert_eq!(Order::metric(&state, &confirmed()), completed("confirmed", None));
    for (reason, name) in [(CancelReason::Customer, "customer"), (CancelReason::OutOfStock, "out_of_stock")] {
        assert_eq!(Order::metric(&state, &cancelled(reason)), completed("cancelled", Some(name)));
        assert_eq!(Order::metric(&state, &cancellation_requested(reason)), None);
    }
    assert_eq!(Order::metric(&state, &placed()), None);
    assert_eq!(Order::metric(&state, &recorded(Fact::ShipmentScheduled)), None);
}
