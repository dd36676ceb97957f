//! Receipts, streams, status and metrics.

use contracts::{
    CancelReason,
    samples::{ORDER, order_placed, payment_captured, sku},
};
use decider::{SagaMetric, Service, StreamId};
use decider_testing::{Case, NOW, meta};
use inventory::{
    decider::{Command, Event, Inventory, Reservation, State},
    policy::{RESERVATIONS, STOCK},
};
use uuid::Uuid;

use crate::{
    TEA, commitment, committed, empty, held, movement, receipt_recorded, receive, rejected, released, reserved,
    restocked, stock_lines, units, units_received,
};

#[test]
fn received_units_are_on_hand_once_per_receipt() {
    let mugs = receive("MUG", 3);
    let booked = || [receipt_recorded("MUG", 3), units_received("MUG", 3)];
    let case = empty()
        .when_commanded(&mugs)
        .then(booked())
        .when_commanded(&mugs)
        .then([])
        .when_commanded(&receive("MUG", 3))
        .then(booked());
    assert_eq!(units(&case, "MUG"), (6, 0, 0));
}

#[test]
fn receipt_keeps_its_quantity_when_repeated_with_another() {
    let receipt_id = Uuid::from_u128(1);
    let receipt = |quantity| Command::Receive { receipt_id, sku: sku("MUG"), quantity };
    let case = empty().when_commanded(&receipt(3)).when_commanded(&receipt(5)).then([]);
    assert_eq!(case.state(&receipt(5)).receipt, Some(movement("MUG", 3, None)));
    assert_eq!(units(&case, "MUG"), (3, 0, 0));
}

#[test]
fn decision_loads_the_reservation_and_the_stock_of_its_skus() {
    let event = payment_captured();
    let command = Inventory::react(&meta(&event), &event).expect("reacts");
    let reservation = || StreamId::new(RESERVATIONS, ORDER);
    assert_eq!(Inventory::streams(&command, &State::default()), [reservation()]);
    let known = State { reservation: Reservation::Held(stock_lines()), ..State::default() };
    let stock = |text| StreamId::new(STOCK, sku(text));
    assert_eq!(Inventory::streams(&command, &known), [reservation(), stock("MUG"), stock(TEA)]);
}

#[test]
fn movements_go_to_the_stock_of_their_sku() {
    assert_eq!(Inventory::stream_of(&units_received("MUG", 1)), Some(StreamId::new(STOCK, "MUG")));
    assert_eq!(Inventory::stream_of(&rejected(&[])), None);
    assert_eq!(Inventory::stream_of(&receipt_recorded("MUG", 1)), None, "a receipt has its own stream");
}

#[test]
fn inventory_sets_no_timers() {
    assert_eq!(Inventory::next_timer(&reservation(&held())), None);
    assert!(Inventory::on_timer(&StreamId::new(RESERVATIONS, ORDER), NOW).is_none());
}

/// State of the reservation's stream alone.
fn reservation(case: &Case<Inventory>) -> State {
    State { reservation: case.state(&Command::Commit(ORDER)).reservation, ..State::default() }
}

#[test]
fn status_names_the_reservation() {
    let status = |case: &Case<Inventory>| Inventory::status(&reservation(case));
    assert_eq!(status(&empty()), "new");
    assert_eq!(status(&held()), "held");
    assert_eq!(status(&committed()), "committed");
    assert_eq!(status(&committed().given(restocked(CancelReason::Customer))), "released");
    assert_eq!(status(&empty().when(order_placed())), "rejected");
    let mugs = receive("MUG", 1);
    assert_eq!(Inventory::status(&held().state(&mugs)), "stocked");
    let receipt = State { receipt: Some(movement("MUG", 1, None)), ..State::default() };
    assert_eq!(Inventory::status(&receipt), "received");
}

#[test]
fn metric_counts_released_stock_as_compensated() {
    let metrics = |events: Vec<Event>| {
        let state = State::default();
        events.iter().filter_map(|event| Inventory::metric(&state, event)).collect::<Vec<_>>()
    };
    let reason = CancelReason::ShipmentRejected;
    let compensated = SagaMetric::Compensated { reason: "shipment_rejected" };
    assert_eq!(metrics(restocked(reason)), [compensated]);
    assert_eq!(metrics(released(reason)), [compensated]);
    assert_eq!(metrics([reserved(), commitment(), vec![rejected(&[])]].concat()), []);
}
