//! The inventory service's column of the saga table, and what holds whatever happens.

#[path = "../../order/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use contracts::{
    CancelReason, Event as ContractEvent, OrderId, Sku,
    inventory::{Shortage, StockCommitted, StockLine, StockReleased, StockReservationRejected, StockReserved},
    order::{OrderLine, OrderPlaced},
};
use decider::{LogEvent, SagaMetric, Service, StreamId};
use inventory::{
    decider::{Command, Event, Inventory, Movement, Reservation, State, Stock, StockMovement},
    policy::{RESERVATIONS, STOCK},
};
use proptest::{prelude::*, sample::select};
use support::{
    Case, ORDER, order_placed, payment_captured, payment_declined, placed, reactions, received, shipment_cancelled,
    shipment_rejected, sku,
};
use uuid::Uuid;

/// Units on hand, and nothing else.
fn stocked(units: &[(&str, u32)]) -> Case<Inventory> {
    empty().given(units.iter().map(|(text, quantity)| arrived(text, *quantity)))
}

fn empty() -> Case<Inventory> {
    Case::new(|command| !matches!(command, Command::Receive { .. }))
}

/// The order's two mugs and its tea are held; some are left.
fn held() -> Case<Inventory> {
    stocked(&[("MUG", 5), ("TEA", 3)]).given(reserved())
}

/// The order is paid.
fn committed() -> Case<Inventory> {
    held().given(commitment())
}

fn movement(text: &str, quantity: u32, order_id: Option<OrderId>) -> Movement {
    Movement { sku: sku(text), quantity, order_id }
}

fn arrived(text: &str, quantity: u32) -> Event {
    LogEvent::Internal(StockMovement::UnitsReceived(movement(text, quantity, None)))
}

/// The order's two mugs and its tea move in the same way.
fn order_moves(how: fn(Movement) -> StockMovement) -> [Event; 2] {
    [("MUG", 2), ("TEA", 1)].map(|(text, quantity)| LogEvent::Internal(how(movement(text, quantity, Some(ORDER)))))
}

fn order_lines() -> Vec<StockLine> {
    [("MUG", 2), ("TEA", 1)].map(|(text, quantity)| StockLine { sku: sku(text), quantity }).to_vec()
}

fn reserved() -> Vec<Event> {
    let fact = StockReserved { order_id: ORDER, lines: order_lines() };
    [order_moves(StockMovement::UnitsReserved).to_vec(), vec![LogEvent::Public(fact.into())]].concat()
}

fn commitment() -> Vec<Event> {
    let fact = StockCommitted { order_id: ORDER };
    [order_moves(StockMovement::UnitsCommitted).to_vec(), vec![LogEvent::Public(fact.into())]].concat()
}

fn rejected(shortages: &[(&str, u32, u64)]) -> Event {
    let shortage = |(text, requested, available): &(&str, u32, u64)| Shortage {
        sku: sku(text),
        requested: *requested,
        available: *available,
    };
    let shortages = shortages.iter().map(shortage).collect();
    LogEvent::Public(StockReservationRejected { order_id: ORDER, shortages }.into())
}

/// What the order held is available again.
fn released(reason: CancelReason) -> Vec<Event> {
    back(StockMovement::UnitsReleased, reason)
}

/// What had left the stock for the order is available again.
fn restocked(reason: CancelReason) -> Vec<Event> {
    back(StockMovement::UnitsRestocked, reason)
}

fn back(how: fn(Movement) -> StockMovement, reason: CancelReason) -> Vec<Event> {
    [order_moves(how).to_vec(), vec![released_lines(order_lines(), reason)]].concat()
}

fn released_lines(lines: Vec<StockLine>, reason: CancelReason) -> Event {
    LogEvent::Public(StockReleased { order_id: ORDER, lines, reason }.into())
}

fn stock(case: &Case<Inventory>, text: &str) -> Stock {
    let state = case.state(&Command::Receive { sku: sku(text), quantity: 1 });
    state.stock.get(&sku(text)).copied().unwrap_or_default()
}

fn on_hand_reserved_shipped(case: &Case<Inventory>, text: &str) -> (u64, u64, u64) {
    let Stock { on_hand, reserved, shipped } = stock(case, text);
    (on_hand, reserved, shipped)
}

fn other_order() -> OrderId {
    OrderId(Uuid::from_u128(2))
}

// The saga table

#[test]
fn it_reacts_to_what_the_saga_table_says() {
    let heeded = ["OrderPlaced", "PaymentCaptured", "PaymentDeclined", "ShipmentRejected", "ShipmentCancelled"];
    assert_eq!(reactions::<Inventory>(), heeded);
}

#[test]
fn a_placed_order_reserves_every_line() {
    let case = stocked(&[("MUG", 5), ("TEA", 3)]).when(order_placed()).then(reserved());
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (3, 2, 0));
    assert_eq!(on_hand_reserved_shipped(&case, "TEA"), (2, 1, 0));
}

#[test]
fn the_last_units_can_be_reserved() {
    let case = stocked(&[("MUG", 2), ("TEA", 1)]).when(order_placed()).then(reserved());
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (0, 2, 0));
}

#[test]
fn one_missing_line_rejects_the_whole_order_and_holds_nothing() {
    let case = stocked(&[("MUG", 5)]).when(order_placed()).then([rejected(&[("TEA", 1, 0)])]);
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (5, 0, 0));
}

#[test]
fn every_missing_line_is_listed_with_what_there_was() {
    stocked(&[("MUG", 1)]).when(order_placed()).then([rejected(&[("MUG", 2, 1), ("TEA", 1, 0)])]);
}

#[test]
fn units_held_for_others_are_not_available() {
    stocked(&[("MUG", 3), ("TEA", 9)])
        .told(&Command::Reserve { order_id: other_order(), lines: BTreeMap::from([(sku("MUG"), 2)]) })
        .when(order_placed())
        .then([rejected(&[("MUG", 2, 1)])]);
}

#[test]
fn a_captured_payment_commits_the_reservation() {
    let case = held().when(payment_captured()).then(commitment());
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (3, 0, 2));
}

#[test]
fn a_declined_payment_releases_the_reservation() {
    let case = held().when(payment_declined()).then(released(CancelReason::PaymentDeclined));
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (5, 0, 0));
}

#[test]
fn a_rejected_shipment_restocks_what_was_committed() {
    let case = committed().when(shipment_rejected()).then(restocked(CancelReason::ShipmentRejected));
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (5, 0, 0));
    assert_eq!(on_hand_reserved_shipped(&case, "TEA"), (3, 0, 0));
}

#[test]
fn a_cancelled_shipment_gives_back_whatever_the_order_has_and_says_why() {
    for reason in [CancelReason::Customer, CancelReason::DeadlinePassed] {
        held().when(shipment_cancelled(reason)).then(released(reason));
        committed().when(shipment_cancelled(reason)).then(restocked(reason));
    }
}

// What comes late, early, or again

#[test]
fn a_cancellation_before_the_order_leaves_a_tombstone() {
    let case = stocked(&[("MUG", 5), ("TEA", 3)])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([released_lines(vec![], CancelReason::Customer)])
        .when(order_placed())
        .then([])
        .when(payment_captured())
        .then([]);
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (5, 0, 0));
}

/// The charge was called off too late: payment refunds it, the stock stays where it is.
#[test]
fn a_capture_after_the_release_commits_nothing() {
    let case = held().given(released(CancelReason::Customer)).when(payment_captured()).then([]);
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (5, 0, 0));
}

#[test]
fn a_payment_declined_after_the_release_releases_nothing() {
    held().given(released(CancelReason::Customer)).when(payment_declined()).then([]);
}

#[test]
fn a_rejected_reservation_has_nothing_to_give_back() {
    stocked(&[("MUG", 5)])
        .given([rejected(&[("TEA", 1, 0)])])
        .when(shipment_cancelled(CancelReason::Customer))
        .then([])
        .when(payment_captured())
        .then([]);
}

#[test]
fn a_rejected_order_stays_rejected_when_goods_arrive() {
    empty()
        .when(order_placed())
        .then([rejected(&[("MUG", 2, 0), ("TEA", 1, 0)])])
        .given([arrived("MUG", 5), arrived("TEA", 5)])
        .when(order_placed())
        .then([]);
}

#[test]
fn whatever_comes_again_is_nothing() {
    stocked(&[("MUG", 5), ("TEA", 3)])
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
fn a_payment_for_an_unknown_order_commits_nothing() {
    stocked(&[("MUG", 5)]).when(payment_captured()).then([]);
}

#[test]
fn what_one_order_gives_back_another_can_have() {
    let case = stocked(&[("MUG", 2), ("TEA", 1)])
        .when(order_placed())
        .when(payment_captured())
        .when(shipment_cancelled(CancelReason::Customer))
        .told(&Command::Reserve { order_id: other_order(), lines: BTreeMap::from([(sku("MUG"), 2)]) });
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (0, 2, 0));
}

// Goods

#[test]
fn goods_that_arrive_are_on_hand_each_time() {
    let mugs = Command::Receive { sku: sku("MUG"), quantity: 3 };
    let case = empty().told(&mugs).then([arrived("MUG", 3)]).told(&mugs).then([arrived("MUG", 3)]);
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (6, 0, 0));
}

// What an order says

fn placed_with(lines: &[(&str, u32)]) -> ContractEvent {
    let line =
        |(text, quantity): &(&str, u32)| OrderLine { sku: sku(text), quantity: *quantity, ..placed().lines[0].clone() };
    ContractEvent::Order(OrderPlaced { lines: lines.iter().map(line).collect(), ..placed() }.into())
}

#[test]
fn lines_of_the_same_sku_are_reserved_together() {
    stocked(&[("MUG", 3)]).when(placed_with(&[("MUG", 2), ("MUG", 2)])).then([rejected(&[("MUG", 4, 3)])]);
}

/// The schema allows such an order. Wrapping around would reserve one unit and charge for billions.
#[test]
fn lines_of_the_same_sku_beyond_any_quantity_are_rejected() {
    let case = stocked(&[("MUG", 3)]).when(placed_with(&[("MUG", u32::MAX), ("MUG", 2)]));
    assert_eq!(on_hand_reserved_shipped(&case, "MUG"), (3, 0, 0));
}

// What others watch

#[test]
fn stock_that_is_given_back_is_counted_as_undone() {
    let metrics_emitted = |events: Vec<Event>| {
        let state = State::default();
        events.iter().filter_map(|event| Inventory::metric(&state, event)).collect::<Vec<_>>()
    };
    let reason = CancelReason::ShipmentRejected;
    assert_eq!(metrics_emitted(restocked(reason)), [SagaMetric::Undone(reason)]);
    assert_eq!(metrics_emitted(released(reason)), [SagaMetric::Undone(reason)]);
    assert_eq!(metrics_emitted([reserved(), commitment(), vec![rejected(&[])]].concat()), []);
}

// Streams

#[test]
fn a_decision_loads_the_reservation_and_the_stock_of_its_skus() {
    let command = Inventory::react(&received(payment_captured())).expect("reacts");
    let unknown = Inventory::streams(&command, &State::default());
    let reservation = || StreamId::of_order(RESERVATIONS, ORDER);
    assert_eq!(unknown, [reservation()]);
    let known = State { reservation: Reservation::Held(order_lines()), ..State::default() };
    let stock = |text| StreamId::of_sku(STOCK, &sku(text));
    assert_eq!(Inventory::streams(&command, &known), [reservation(), stock("MUG"), stock("TEA")]);
}

#[test]
fn inventory_has_no_timers() {
    assert_eq!(Inventory::next_timer(&reservation(&held())), None);
    assert!(Inventory::on_timer(&StreamId::of_order(RESERVATIONS, ORDER)).is_none());
}

#[test]
fn one_word_says_what_an_order_holds() {
    let word = |case: &Case<Inventory>| Inventory::status(&reservation(case));
    assert_eq!(word(&empty()), "new");
    assert_eq!(word(&held()), "held");
    assert_eq!(word(&committed()), "committed");
    assert_eq!(word(&committed().given(restocked(CancelReason::Customer))), "released");
    assert_eq!(word(&empty().when(order_placed())), "rejected");
    let stock = held().state(&Command::Receive { sku: sku("MUG"), quantity: 1 });
    assert_eq!(Inventory::status(&stock), "stocked");
}

/// The state of the reservation's own stream.
fn reservation(case: &Case<Inventory>) -> State {
    State { stock: BTreeMap::new(), ..case.state(&Command::Commit(ORDER)) }
}

// Whatever happens

const SKUS: [&str; 2] = ["MUG", "TEA"];

fn orders() -> [OrderId; 3] {
    [1, 2, 3].map(|id| OrderId(Uuid::from_u128(id)))
}

fn any_command() -> impl Strategy<Value = Command> {
    let order = || select(orders().to_vec());
    let receiving =
        (select(SKUS.to_vec()), 1..5_u32).prop_map(|(text, quantity)| Command::Receive { sku: sku(text), quantity });
    let reserving = (order(), proptest::sample::subsequence(SKUS.to_vec(), 1..=2), 1..4_u32).prop_map(
        |(order_id, skus, quantity)| {
            let lines: BTreeMap<Sku, u32> = skus.into_iter().map(|text| (sku(text), quantity)).collect();
            Command::Reserve { order_id, lines }
        },
    );
    let reason = select(vec![CancelReason::Customer, CancelReason::PaymentDeclined, CancelReason::ShipmentRejected]);
    prop_oneof![
        2 => receiving,
        3 => reserving,
        2 => order().prop_map(Command::Commit),
        2 => (order(), reason).prop_map(|(order_id, reason)| Command::Release { order_id, reason }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn whatever_happens_stock_is_conserved_and_every_unit_is_accounted_for(
        commands in proptest::collection::vec(any_command(), 1..40),
    ) {
        let mut case = empty();
        let mut arrived = BTreeMap::<Sku, u64>::new();
        for command in &commands {
            if let Command::Receive { sku, quantity } = command {
                *arrived.entry(sku.clone()).or_default() += u64::from(*quantity);
            }
            case.tell(command);
            for text in SKUS {
                let (on_hand, reserved, shipped) = on_hand_reserved_shipped(&case, text);
                let arrived = arrived.get(&sku(text)).copied().unwrap_or_default();
                prop_assert_eq!(on_hand + reserved + shipped, arrived, "of {}", text);
                prop_assert_eq!((reserved, shipped), claimed(&case, text), "of {}", text);
            }
        }
    }
}

/// How many units of a SKU all orders together hold, and how many have left for them.
fn claimed(case: &Case<Inventory>, text: &str) -> (u64, u64) {
    let units = |lines: &[StockLine]| -> u64 {
        lines.iter().filter(|line| line.sku == sku(text)).map(|line| u64::from(line.quantity)).sum()
    };
    let claims = orders().map(|order_id| match case.state(&Command::Commit(order_id)).reservation {
        Reservation::Held(lines) => (units(&lines), 0),
        Reservation::Committed(lines) => (0, units(&lines)),
        Reservation::New | Reservation::Rejected | Reservation::Released => (0, 0),
    });
    claims.into_iter().fold((0, 0), |(held, left), claim| (held + claim.0, left + claim.1))
}
