//! An order that does not end in time asks all services for their facts, at growing intervals.

use contracts::CancelReason;
use decider::{Decider as _, LogEvent, Service as _};
use jiff::{SignedDuration, Timestamp};
use order::decider::{Command, Event, Fact, Order, OrderStep};

use crate::{DEADLINE, ORDER, cancellation_requested, cancelled, catalog, confirmed, given, placed, state};

fn expire(at: Timestamp) -> Command {
    Command::Expire { order_id: ORDER, at }
}

fn wave(at: Timestamp) -> Event {
    LogEvent::Internal(OrderStep::WaveStarted { at })
}

/// The time that the order is allowed to take.
fn allowed() -> SignedDuration {
    let LogEvent::Public(contracts::order::OrderEvent::OrderPlaced(placed)) = placed() else {
        panic!("a public event")
    };
    placed.deadline.duration_since(placed.placed_at)
}

#[test]
fn wave_starts_when_a_cancelling_order_does_not_end() {
    let due = DEADLINE + allowed();
    let cancelling = given(&[]).given([cancellation_requested(CancelReason::DeadlinePassed)]);
    assert_eq!(Order::next_timer(&state(&cancelling)), Some(due));
    let early = cancelling.when_commanded(&expire(due - SignedDuration::from_micros(1))).then([]);
    early.when_commanded(&expire(due)).then([wave(due)]).when_commanded(&expire(due)).then([]);
    assert!(Order::starts_wave(&wave(due)));
    assert!(!Order::starts_wave(&placed()));
}

#[test]
fn wait_doubles_with_each_wave_until_the_last() {
    let mut case = given(&[]).given([cancellation_requested(CancelReason::Customer)]);
    let (mut last, mut wait, mut waves) = (DEADLINE, allowed(), 0);
    while let Some(due) = Order::next_timer(&state(&case)) {
        assert_eq!(due, last + wait);
        case = case.when_commanded(&expire(due)).then([wave(due)]);
        (last, wait, waves) = (due, wait * 2, waves + 1);
    }
    assert_eq!(waves, 10);
}

#[test]
fn cancellation_and_wave_start_together_when_timer_is_late() {
    let at = DEADLINE + allowed();
    let expected = [cancellation_requested(CancelReason::DeadlinePassed), wave(at)];
    given(&[]).when_commanded(&expire(at)).then(expected);
}

#[test]
fn settled_order_starts_no_wave() {
    let confirmed = || given(&[Fact::ShipmentScheduled]).given([confirmed()]);
    let cancelled = given(&[Fact::StockReservationRejected]).given([cancelled(CancelReason::OutOfStock)]);
    for case in [confirmed(), cancelled, catalog()] {
        assert_eq!(Order::next_timer(&state(&case)), None);
        case.when_commanded(&expire(Timestamp::MAX)).then([]);
    }
    let cancelling = confirmed().given([cancellation_requested(CancelReason::Customer)]);
    assert!(
        Order::next_timer(&state(&cancelling)).is_some(),
        "a confirmed order that is being cancelled is not settled"
    );
}

#[test]
fn waves_survive_a_snapshot_of_an_earlier_version() {
    let case = given(&[]);
    let mut snapshot = serde_json::to_value(state(&case)).expect("JSON");
    let order = snapshot["order"].as_object_mut().expect("an order");
    assert!(order.remove("waves").is_some() && order.remove("last_wave").is_some());
    let read: <Order as decider::Decider>::State = serde_json::from_value(snapshot).expect("a state");
    assert_eq!(read, state(&case));
    assert_eq!(Order::initial().order, None);
}
