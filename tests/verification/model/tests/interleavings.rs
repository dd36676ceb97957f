//! The saga in every order in which things can happen: of random schedules with everything that can happen, and of every
//! schedule within the standard bounds. `cargo run --release -p model -- --deep` goes further.

use model::{Card, Destination, Guarantees, PRODUCTION, Setting, Story, WITHOUT_ANY, WITHOUT_INBOX, bounds, follow};
use proptest::{prelude::*, test_runner::TestRunner};

fn any_story() -> impl Strategy<Value = Story> {
    let card = prop_oneof![6 => Just(Card::Approved), 2 => Just(Card::Declined), 1 => Just(Card::Silent)];
    let address =
        prop_oneof![6 => Just(Destination::Served), 2 => Just(Destination::Refused), 1 => Just(Destination::Silent)];
    (card, address, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2))
        .prop_map(|(card, address, cancelled, dispatched, late)| Story { card, address, cancelled, dispatched, late })
}

/// Follows random schedules of so many orders; a failure is made as small as it gets.
fn follow_random_schedules(schedules: u32, orders: usize, guarantees: Guarantees) {
    let setting = (prop::collection::vec(any_story(), orders), 0..3_u32);
    let choices = prop::collection::vec(any::<u16>(), 0..60 * orders);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(schedules) };
    let result = TestRunner::new(config).run(&(setting, choices), |((stories, mugs), choices)| {
        follow(Setting { stories, mugs, guarantees }, &choices).map_err(TestCaseError::fail)
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn one_order() {
    follow_random_schedules(6_000, 1, PRODUCTION);
}

#[test]
fn two_orders_for_the_last_unit() {
    follow_random_schedules(6_000, 2, PRODUCTION);
}

/// The deciders recognize what comes again by themselves; the inbox only saves the work.
#[test]
fn two_orders_without_an_inbox() {
    follow_random_schedules(4_000, 2, WITHOUT_INBOX);
}

#[test]
fn two_orders_without_an_inbox_and_in_any_order_within_topics() {
    follow_random_schedules(4_000, 2, WITHOUT_ANY);
}

#[test]
fn every_schedule_within_the_standard_bounds() {
    for bound in bounds::standard() {
        println!("{}", bound.explore().unwrap_or_else(|broken| panic!("{broken}")));
    }
}
