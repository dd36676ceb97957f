//! Random schedules with all actions, and every schedule within the standard bounds.
//! `cargo run --release -p model -- --deep` explores further.

use model::{
    bounds,
    config::{
        ANY_ORDER, Card, DeliveryAddress, Guarantees, ModelConfig, OrderScenario, PRODUCTION, TWO_LOSSES, WITHOUT_ANY,
        WITHOUT_INBOX,
    },
    explore::follow,
};
use proptest::{prelude::*, test_runner::TestRunner};

fn any_scenario() -> impl Strategy<Value = OrderScenario> {
    let card = prop_oneof![6 => Just(Card::Approved), 2 => Just(Card::Declined), 1 => Just(Card::Silent)];
    let address = prop_oneof![
        6 => Just(DeliveryAddress::Served),
        2 => Just(DeliveryAddress::Refused),
        1 => Just(DeliveryAddress::Silent),
    ];
    (card, address, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
        |(card, address, cancelled, dispatched, late)| OrderScenario { card, address, cancelled, dispatched, late },
    )
}

/// Follows random schedules. A failing schedule is reduced to a minimal one.
fn follow_random_schedules(schedules: u32, orders: usize, guarantees: Guarantees) {
    let setup = (prop::collection::vec(any_scenario(), orders), 0..3_u32);
    let choices = prop::collection::vec(any::<u16>(), 0..60 * orders);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(schedules) };
    let result = TestRunner::new(config).run(&(setup, choices), |((scenarios, mugs), choices)| {
        follow(ModelConfig { scenarios, mugs, guarantees }, &choices).map_err(TestCaseError::fail)
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn invariants_hold_for_one_order() {
    follow_random_schedules(6_000, 1, PRODUCTION);
}

#[test]
fn invariants_hold_when_two_orders_need_the_last_unit() {
    follow_random_schedules(6_000, 2, PRODUCTION);
}

/// Deciders ignore repetitions themselves; the inbox is an optimization.
#[test]
fn invariants_hold_when_there_is_no_inbox() {
    follow_random_schedules(4_000, 2, WITHOUT_INBOX);
}

#[test]
fn invariants_hold_when_topics_are_reordered() {
    follow_random_schedules(4_000, 2, ANY_ORDER);
}

#[test]
fn invariants_hold_when_nothing_is_guaranteed() {
    follow_random_schedules(4_000, 2, WITHOUT_ANY);
}

#[test]
fn order_ends_when_two_records_are_lost() {
    follow_random_schedules(12_000, 1, TWO_LOSSES);
}

#[test]
fn two_orders_end_when_two_records_are_lost() {
    follow_random_schedules(4_000, 2, TWO_LOSSES);
}

#[test]
fn two_orders_end_when_records_are_lost_and_reordered() {
    follow_random_schedules(4_000, 2, Guarantees { losses: 2, ..ANY_ORDER });
}

#[test]
fn invariants_hold_in_every_schedule_within_bounds() {
    for bound in bounds::standard() {
        println!("{}", bound.explore().unwrap_or_else(|violation| panic!("{violation}")));
    }
}
