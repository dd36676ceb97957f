//! The shipping service's column of the saga table, and what holds whatever happens.

#[path = "../../order/tests/support/mod.rs"]
mod support;

use contracts::{
    CancelReason,
    shipping::{
        ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
        ShippingEvent,
    },
};
use decider::{LogEvent, SagaMetric, Service, StreamId};
use proptest::{prelude::*, sample::select};
use shipping::{
    decider::{Booking, Command, Destination, Event, ShipmentStep, Shipping, Stage, State},
    policy::{CarrierCall, SHIPMENTS},
};
use support::{Case, ORDER, address, order_cancellation_requested, order_placed, reactions, stock_committed};

const REASONS: [CancelReason; 2] = [CancelReason::Customer, CancelReason::DeadlinePassed];
const DISPATCH: Command = Command::Dispatch(ORDER);
const CARRIER_CALLED_IT_OFF: Command = Command::SettleCancellation(ORDER);

fn given(events: impl IntoIterator<Item = Event>) -> Case<Shipping> {
    Case::new(|_| true).given(events)
}

fn destination() -> Destination {
    Destination { order_id: ORDER, address: address() }
}

fn destination_noted() -> Event {
    LogEvent::Internal(ShipmentStep::DestinationNoted(destination()))
}

fn commitment_noted() -> Event {
    LogEvent::Internal(ShipmentStep::CommitmentNoted { order_id: ORDER })
}

fn booking_started() -> Event {
    LogEvent::Internal(ShipmentStep::BookingStarted(destination()))
}

fn booking_cancellation_started() -> Event {
    LogEvent::Internal(ShipmentStep::BookingCancellationStarted { order_id: ORDER })
}

fn scheduled() -> Event {
    LogEvent::Public(ShipmentScheduled { order_id: ORDER, tracking: "TRACK1".into() }.into())
}

fn rejected() -> Event {
    LogEvent::Public(ShipmentRejected { order_id: ORDER, carrier_reason: "not served".into() }.into())
}

fn cancelled(reason: CancelReason) -> Event {
    LogEvent::Public(ShipmentCancelled { order_id: ORDER, reason }.into())
}

fn dispatched() -> Event {
    LogEvent::Public(ShipmentDispatched { order_id: ORDER, tracking: "TRACK1".into() }.into())
}

fn cancellation_refused() -> Event {
    LogEvent::Public(ShipmentCancellationRefused { order_id: ORDER }.into())
}

/// The stages, as the events that lead to them.
fn booking() -> Vec<Event> {
    vec![destination_noted(), commitment_noted(), booking_started()]
}

fn booked() -> Vec<Event> {
    [booking(), vec![scheduled()]].concat()
}

fn refused() -> Vec<Event> {
    [booking(), vec![rejected()]].concat()
}

fn under_way() -> Vec<Event> {
    [booked(), vec![dispatched()]].concat()
}

/// The carrier says that it will fetch the parcel, or that it won't.
fn carrier_booked_it() -> Command {
    Command::SettleBooking { order_id: ORDER, booking: Booking::Booked { tracking: "TRACK1".into() } }
}

fn carrier_refused_it() -> Command {
    Command::SettleBooking { order_id: ORDER, booking: Booking::Refused { reason: "not served".into() } }
}

fn answers() -> [Command; 3] {
    [carrier_booked_it(), carrier_refused_it(), CARRIER_CALLED_IT_OFF]
}

fn state(case: &Case<Shipping>) -> State {
    case.state(&DISPATCH)
}

// The saga table

#[test]
fn it_reacts_to_what_the_saga_table_says() {
    assert_eq!(reactions::<Shipping>(), ["OrderPlaced", "OrderCancellationRequested", "StockCommitted"]);
}

#[test]
fn a_placed_order_is_where_to_ship() {
    given([]).when(order_placed()).then([destination_noted()]);
}

#[test]
fn committed_stock_of_a_known_order_is_booked() {
    given([destination_noted()]).when(stock_committed()).then([commitment_noted(), booking_started()]);
}

#[test]
fn committed_stock_waits_for_its_order() {
    given([])
        .when(stock_committed())
        .then([commitment_noted()])
        .when(order_placed())
        .then([destination_noted(), booking_started()]);
}

#[test]
fn a_cancellation_before_the_booking_cancels_without_the_carrier() {
    for reason in REASONS {
        for known in [vec![], vec![destination_noted()], vec![commitment_noted()]] {
            given(known).when(order_cancellation_requested(reason)).then([cancelled(reason)]);
        }
    }
}

#[test]
fn a_cancellation_before_the_dispatch_calls_the_booking_off() {
    for reason in REASONS {
        for so_far in [booking(), booked()] {
            given(so_far)
                .when(order_cancellation_requested(reason))
                .then([cancelled(reason), booking_cancellation_started()]);
        }
    }
}

#[test]
fn a_cancellation_after_the_dispatch_is_refused() {
    given(under_way()).when(order_cancellation_requested(CancelReason::Customer)).then([cancellation_refused()]);
}

#[test]
fn a_rejected_shipment_has_nothing_to_cancel() {
    given(refused()).when(order_cancellation_requested(CancelReason::Customer)).then([]);
}

// Dispatching

#[test]
fn a_scheduled_shipment_is_dispatched_with_its_tracking_number() {
    given(booked()).told(&DISPATCH).then([dispatched()]);
}

#[test]
fn only_a_scheduled_shipment_is_dispatched() {
    let waiting = [vec![], vec![destination_noted()], vec![commitment_noted()]];
    let called_off = [booked(), vec![cancelled(CancelReason::Customer)]].concat();
    for so_far in [&waiting[..], &[booking(), refused(), called_off, under_way()]].concat() {
        given(so_far).told(&DISPATCH).then([]);
    }
}

#[test]
fn of_a_dispatch_and_a_cancellation_the_first_counts() {
    let cancellation = || order_cancellation_requested(CancelReason::Customer);
    given(booked())
        .when(cancellation())
        .then([cancelled(CancelReason::Customer), booking_cancellation_started()])
        .told(&DISPATCH)
        .then([]);
    given(booked()).told(&DISPATCH).then([dispatched()]).when(cancellation()).then([cancellation_refused()]);
}

// The carrier's answers

#[test]
fn a_booking_is_scheduled_or_rejected() {
    given(booking()).told(&carrier_booked_it()).then([scheduled()]);
    given(booking()).told(&carrier_refused_it()).then([rejected()]);
}

#[test]
fn an_answer_after_the_cancellation_is_nothing() {
    for answer in answers() {
        given(booking()).given([cancelled(CancelReason::Customer)]).told(&answer).then([]);
        given(booked()).given([cancelled(CancelReason::Customer)]).told(&answer).then([]);
    }
}

#[test]
fn the_second_of_two_answers_is_nothing() {
    for first in [carrier_booked_it(), carrier_refused_it()] {
        for second in answers() {
            given(booking()).told(&first).told(&second).then([]);
        }
    }
}

#[test]
fn an_answer_that_nobody_waits_for_is_nothing() {
    for so_far in [vec![], vec![destination_noted()], vec![commitment_noted()], booked(), refused(), under_way()] {
        for answer in answers() {
            given(so_far.clone()).told(&answer).then([]);
        }
    }
}

#[test]
fn nothing_hangs_on_the_carriers_word_that_a_booking_is_called_off() {
    let called_off = [booked(), vec![cancelled(CancelReason::Customer), booking_cancellation_started()]].concat();
    given(called_off).told(&CARRIER_CALLED_IT_OFF).then([]);
}

// What comes late, early, or again

#[test]
fn a_cancellation_before_the_order_leaves_a_tombstone() {
    given([])
        .when(order_cancellation_requested(CancelReason::Customer))
        .then([cancelled(CancelReason::Customer)])
        .when(order_placed())
        .then([])
        .when(stock_committed())
        .then([])
        .told(&DISPATCH)
        .then([]);
}

#[test]
fn a_cancellation_between_order_and_stock_leaves_a_tombstone() {
    given([destination_noted()])
        .when(order_cancellation_requested(CancelReason::Customer))
        .then([cancelled(CancelReason::Customer)])
        .when(stock_committed())
        .then([]);
}

#[test]
fn whatever_comes_again_is_nothing() {
    given([])
        .when(order_placed())
        .when(order_placed())
        .then([])
        .when(stock_committed())
        .when(stock_committed())
        .then([])
        .when(order_placed())
        .then([])
        .told(&carrier_booked_it())
        .told(&carrier_booked_it())
        .then([])
        .when(stock_committed())
        .then([])
        .told(&DISPATCH)
        .told(&DISPATCH)
        .then([])
        .when(order_cancellation_requested(CancelReason::Customer))
        .when(order_cancellation_requested(CancelReason::Customer))
        .then([])
        .told(&DISPATCH)
        .then([]);
}

#[test]
fn a_cancellation_is_decided_once() {
    for so_far in [vec![], booking(), booked(), under_way()] {
        given(so_far)
            .when(order_cancellation_requested(CancelReason::Customer))
            .when(order_cancellation_requested(CancelReason::DeadlinePassed))
            .then([]);
    }
}

// Calls

#[test]
fn each_start_is_a_call_to_the_carrier_and_nothing_else_is() {
    assert_eq!(Shipping::intent(&booking_started()), Some(CarrierCall::Book(destination())));
    assert_eq!(Shipping::intent(&booking_cancellation_started()), Some(CarrierCall::Cancel(ORDER)));
    let cancelled = cancelled(CancelReason::Customer);
    let notes = [destination_noted(), commitment_noted()];
    for event in [&notes[..], &[scheduled(), rejected(), cancelled, dispatched(), cancellation_refused()]].concat() {
        assert_eq!(Shipping::intent(&event), None);
    }
}

#[test]
fn a_call_survives_the_database() {
    for call in [CarrierCall::Book(destination()), CarrierCall::Cancel(ORDER)] {
        let json = serde_json::to_string(&call).expect("an intent is JSON");
        assert_eq!(serde_json::from_str::<CarrierCall>(&json).expect("reads"), call);
    }
}

#[test]
fn shipping_has_no_timers() {
    assert_eq!(Shipping::next_timer(&state(&given(booking()))), None);
    assert!(Shipping::on_timer(&StreamId::of_order(SHIPMENTS, ORDER)).is_none());
}

#[test]
fn one_word_says_how_far_the_shipment_is() {
    let words = [
        (vec![destination_noted()], "waiting"),
        (booking(), "booking"),
        (booked(), "scheduled"),
        (refused(), "rejected"),
        (vec![cancelled(CancelReason::Customer)], "cancelled"),
        (under_way(), "dispatched"),
        ([under_way(), vec![cancellation_refused()]].concat(), "dispatched"),
    ];
    for (events, word) in words {
        assert_eq!(Shipping::status(&state(&given(events))), word);
    }
}

// What others watch

#[test]
fn a_cancelled_shipment_is_counted_as_undone() {
    let reason = CancelReason::DeadlinePassed;
    let milestone = |event| Shipping::metric(&State::default(), &event);
    assert_eq!(milestone(cancelled(reason)), Some(SagaMetric::Undone(reason)));
    for event in [under_way(), refused(), vec![cancellation_refused(), booking_cancellation_started()]].concat() {
        assert_eq!(milestone(event), None);
    }
}

// Whatever happens

fn any_command() -> impl Strategy<Value = Command> {
    let cancel = select(REASONS.to_vec()).prop_map(|reason| Command::Cancel { order_id: ORDER, reason });
    let others = [Command::Remember(destination()), Command::Schedule(ORDER), DISPATCH];
    prop_oneof![3 => select(others.to_vec()), 1 => cancel, 2 => select(answers().to_vec())]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn whatever_happens_a_cancelled_order_never_leaves_and_a_dispatched_one_is_never_cancelled(
        commands in proptest::collection::vec(any_command(), 1..30),
    ) {
        let mut case = given([]);
        let mut log = vec![];
        let mut answers_accepted = 0;
        for command in &commands {
            let events = case.tell(command);
            let answer = matches!(command, Command::SettleBooking { .. } | Command::SettleCancellation(_));
            answers_accepted += usize::from(answer && !events.is_empty());
            log.extend(events);
        }
        let count = |what: fn(&ShippingEvent) -> bool| {
            log.iter().filter(|event| matches!(event, LogEvent::Public(event) if what(event))).count()
        };
        let dispatched = count(|event| matches!(event, ShippingEvent::ShipmentDispatched(_)));
        let cancelled = count(|event| matches!(event, ShippingEvent::ShipmentCancelled(_)));
        let rejected = count(|event| matches!(event, ShippingEvent::ShipmentRejected(_)));
        let scheduled = count(|event| matches!(event, ShippingEvent::ShipmentScheduled(_)));
        let refused = count(|event| matches!(event, ShippingEvent::ShipmentCancellationRefused(_)));
        let booked = log.iter().filter(|event| **event == booking_started()).count();
        prop_assert!(dispatched + cancelled + rejected <= 1, "one end at most: {:?}", log);
        prop_assert!(refused <= dispatched && dispatched <= scheduled && scheduled <= booked && booked <= 1, "{:?}", log);
        prop_assert!(answers_accepted <= booked, "each call is answered once at most: {:?}", log);
        let mut ends_of_bookings = log.iter().filter(|event| **event == booking_cancellation_started());
        prop_assert_eq!(ends_of_bookings.next().is_some(), booked == 1 && cancelled == 1, "{:?}", log);
        let asked = commands.iter().any(|command| matches!(command, Command::Cancel { .. }));
        let open = matches!(state(&case).stage, Stage::Waiting | Stage::Booking | Stage::Scheduled { .. });
        prop_assert!(!(asked && open), "a cancellation is always decided: {:?}", log);
    }
}
