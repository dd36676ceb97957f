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
fn one_order_random() {
    follow_random_schedules(6_000, 1, PRODUCTION);
}

#[test]
fn two_orders_random_for_the_last_unit() {
    follow_random_schedules(6_000, 2, PRODUCTION);
}

/// Deciders ignore repetitions themselves; the inbox is an optimization.
#[test]
fn two_orders_random_without_inbox() {
    follow_random_schedules(4_000, 2, WITHOUT_INBOX);
}

#[test]
fn two_orders_random_in_any_order_within_topics() {
    follow_random_schedules(4_000, 2, ANY_ORDER);
}

#[test]
fn two_orders_random_without_any_guarantee() {
    follow_random_schedules(4_000, 2, WITHOUT_ANY);
}

#[test]
fn one_order_random_with_two_losses() {
    follow_random_schedules(12_000, 1, TWO_LOSSES);
}

#[test]
fn two_orders_random_with_two_losses() {
    follow_random_schedules(4_000, 2, TWO_LOSSES);
}

#[test]
fn two_orders_random_with_two_losses_in_any_order() {
    follow_random_schedules(4_000, 2, Guarantees { losses: 2, ..ANY_ORDER });
}

#[test]
fn every_schedule_within_the_standard_bounds() {
    for bound in bounds::standard() {
        println!("{}", bound.explore().unwrap_or_else(|violation| panic!("{violation}")));
    }
}
