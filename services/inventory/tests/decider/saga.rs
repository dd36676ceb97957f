//! Reactions to other services' events, in any sequence.

use contracts::{
    CancelReason,
    order::{OrderLine, OrderPlaced},
    samples::{order_placed, payment_captured, payment_declined, shipment_cancelled, shipment_rejected, sku},
};
use decider_testing::check_reactions;
use inventory::decider::Inventory;

use crate::{
    OTHER_ORDER, TEA, commitment, committed, empty, held, rejected, released, released_lines, reserve, reserved,
    restocked, stocked, units, units_received, well_stocked,
};

#[test]
fn reactions_match_saga_table() {
    let events = ["OrderPlaced", "PaymentCaptured", "PaymentDeclined", "ShipmentRejected", "ShipmentCancelled"];
    assert_eq!(check_reactions::<Inventory>(), events);
}

#[test]
fn placed_order_reserves_every_line() {
    let case = well_stocked().when(order_placed()).then(reserved());
    assert_eq!(units(&case, "MUG"), (3, 2, 0));
    assert_eq!(units(&case, TEA), (2, 1, 0));
}

#[test]
fn last_units_can_be_reserved() {
    let case = stocked(&[("MUG", 2), (TEA, 1)]).when(order_placed()).then(reserved());
    assert_eq!(units(&case, "MUG"), (0, 2, 0));
    assert_eq!(units(&case, TEA), (0, 1, 0));
}

#[test]
fn order_holds_nothing_when_one_line_is_short() {
    let case = stocked(&[("MUG", 5)]).when(order_placed()).then([rejected(&[(TEA, 1, 0)])]);
    assert_eq!(units(&case, "MUG"), (5, 0, 0));
}

#[test]
fn rejection_lists_every_short_line() {
    stocked(&[("MUG", 1)]).when(order_placed()).then([rejected(&[("MUG", 2, 1), (TEA, 1, 0)])]);
}

#[test]
fn units_held_for_other_orders_are_not_available() {
    stocked(&[("MUG", 3), (TEA, 9)])
        .when_commanded(&reserve(OTHER_ORDER, &[("MUG", 2)]))
        .when(order_placed())
        .then([rejected(&[("MUG", 2, 1)])]);
}

#[test]
fn reservation_is_committed_when_payment_is_captured() {
    let case = held().when(payment_captured()).then(commitment());
    assert_eq!(units(&case, "MUG"), (3, 0, 2));
}

#[test]
fn reservation_is_released_when_payment_is_declined() {
    let case = held().when(payment_declined()).then(released(CancelReason::PaymentDeclined));
    assert_eq!(units(&case, "MUG"), (5, 0, 0));
}

#[test]
fn committed_units_are_restocked_when_shipment_is_rejected() {
    let case = committed().when(shipment_rejected()).then(restocked(CancelReason::ShipmentRejected));
    assert_eq!(units(&case, "MUG"), (5, 0, 0));
    assert_eq!(units(&case, TEA), (3, 0, 0));
}

#[test]
fn units_are_given_back_when_shipment_is_cancelled() {
    for reason in [CancelReason::Customer, CancelReason::DeadlinePassed] {
        held().when(shipment_cancelled(reason)).then(released(reason));
        committed().when(shipment_cancelled(reason)).then(restocked(reason));
    }
}

#[test]
fn order_never_holds_units_when_cancelled_before_placement() {
    let case = well_stocked()
        .when(shipment_cancelled(CancelReason::Customer))
        .then([released_lines(vec![], CancelReason::Customer)])
        .when(order_placed())
        .then([])
        .when(payment_captured())
        .then([]);
    assert_eq!(units(&case, "MUG"), (5, 0, 0));
}

/// The void of the charge came too late: payment refunds it, and the stock stays released.
#[test]
fn capture_has_no_effect_when_stock_is_released() {
    let case = held().given(released(CancelReason::Customer)).when(payment_captured()).then([]);
    assert_eq!(units(&case, "MUG"), (5, 0, 0));
}

#[test]
fn declined_payment_has_no_effect_when_stock_is_released() {
    held().given(released(CancelReason::Customer)).when(payment_declined()).then([]);
}

#[test]
fn rejected_reservation_has_nothing_to_release_or_commit() {
    stocked(&[("MUG", 5)])
        .given([rejected(&[(TEA, 1, 0)])])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([])
        .when(payment_captured())
        .then([]);
}

#[test]
fn rejected_order_stays_rejected_when_units_arrive() {
    empty()
        .when(order_placed())
        .then([rejected(&[("MUG", 2, 0), (TEA, 1, 0)])])
        .given([units_received("MUG", 5), units_received(TEA, 5)])
        .when(order_placed())
        .then([]);
}

#[test]
fn repeated_inputs_have_no_effect() {
    well_stocked()
        .when(order_placed())
        .when(order_placed())
        .then([])
        .when(payment_captured())
        .when(payment_captured())
        .then([])
        .when(order_placed())
        .then([])
        .when(shipment_cancelled(CancelReason::Customer))
        .when(shipment_cancelled(CancelReason::Customer))
        .then([])
        .when(shipment_rejected())
        .then([])
        .when(payment_captured())
        .then([])
        .when(order_placed())
        .then([]);
}

#[test]
fn capture_has_no_effect_when_order_is_unknown() {
    stocked(&[("MUG", 5)]).when(payment_captured()).then([]);
}

#[test]
fn released_units_are_available_to_other_orders() {
    let case = stocked(&[("MUG", 2), (TEA, 1)])
        .when(order_placed())
        .when(payment_captured())
        .when(shipment_cancelled(CancelReason::Customer))
        .when_commanded(&reserve(OTHER_ORDER, &[("MUG", 2)]));
    assert_eq!(units(&case, "MUG"), (0, 2, 0));
}

fn placed_with(lines: &[(&str, u32)]) -> OrderPlaced {
    let line = |(text, quantity): &(&str, u32)| OrderLine {
        sku: sku(text),
        quantity: *quantity,
        ..order_placed().lines[0].clone()
    };
    OrderPlaced { lines: lines.iter().map(line).collect(), ..order_placed() }
}

#[test]
fn lines_of_one_sku_are_reserved_together() {
    stocked(&[("MUG", 3)]).when(placed_with(&[("MUG", 2), ("MUG", 2)])).then([rejected(&[("MUG", 4, 3)])]);
}

/// The schema allows such an order. An overflow would reserve one unit and charge for billions.
#[test]
fn lines_of_one_sku_are_rejected_when_their_sum_overflows() {
    let case = stocked(&[("MUG", 3)]).when(placed_with(&[("MUG", u32::MAX), ("MUG", 2)])).then([rejected(&[(
        "MUG",
        u32::MAX,
        3,
    )])]);
    assert_eq!(units(&case, "MUG"), (3, 0, 0));
}
