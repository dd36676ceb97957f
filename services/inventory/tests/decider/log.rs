//! Storage format of internal events.

use contracts::{
    CancelReason,
    samples::{ORDER, sku},
};
use decider::{Decider, LogEvent};
use decider_testing::assert_stored_as;
use inventory::decider::{Event, Inventory, Reservation, State, Stock, StockMovement};
use serde_json::{Value, json};

use crate::{TEA, commitment, movement, reserved, restocked, stock_lines, units_received};

#[test]
fn movements_are_stored_under_their_names() {
    let moved = || movement("MUG", 2, Some(ORDER));
    let expected = [
        (StockMovement::ReceiptRecorded(movement("MUG", 2, None)), "ReceiptRecorded", Value::Null),
        (StockMovement::UnitsReceived(movement("MUG", 2, None)), "UnitsReceived", Value::Null),
        (StockMovement::UnitsReserved(moved()), "UnitsReserved", json!(ORDER)),
        (StockMovement::UnitsCommitted(moved()), "UnitsCommitted", json!(ORDER)),
        (StockMovement::UnitsReleased(moved()), "UnitsReleased", json!(ORDER)),
        (StockMovement::UnitsRestocked(moved()), "UnitsRestocked", json!(ORDER)),
    ];
    for (movement, name, order_id) in expected {
        let data = json!({ "sku": "MUG", "quantity": 2, "order_id": order_id });
        assert_stored_as::<Inventory>(&LogEvent::Internal(movement), name, &data);
    }
}

#[test]
fn log_folds_to_reservation_and_stock() {
    let mut log = vec![units_received("MUG", 5), units_received(TEA, 3)];
    let mut fold = |events: Vec<Event>| {
        log.extend(events);
        let state = Inventory::fold(State::default(), &log);
        (state.reservation, state.stock[&sku("MUG")])
    };
    let stock = |on_hand, reserved, shipped| Stock { on_hand, reserved, shipped };
    assert_eq!(fold(vec![]), (Reservation::New, stock(5, 0, 0)));
    assert_eq!(fold(reserved()), (Reservation::Held(stock_lines()), stock(3, 2, 0)));
    assert_eq!(fold(commitment()), (Reservation::Committed(stock_lines()), stock(3, 0, 2)));
    assert_eq!(fold(restocked(CancelReason::Customer)), (Reservation::Released, stock(5, 0, 0)));
}
