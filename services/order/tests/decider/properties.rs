//! Properties of every sequence of commands.

use contracts::{
    Contract as _, OrderId,
    order::OrderEvent,
    samples::{DEADLINE, ORDER, sku},
};
use decider::{LogEvent, Service as _};
use jiff::Timestamp;
use order::decider::{Command, Order, RecordedFact};
use proptest::{prelude::*, sample::select};
use uuid::Uuid;

use crate::{FACTS, TEA, catalog, list, place_order, recorded_fact};

const OTHER_ORDER: OrderId = OrderId(Uuid::from_u128(2));

fn any_command() -> impl Strategy<Value = Command> {
    let order = || select(vec![ORDER, OTHER_ORDER]);
    let list = (select(vec!["MUG", TEA]), 1..3_i64).prop_map(|(text, minor)| list(text, minor));
    let place = (order(), proptest::sample::subsequence(vec!["MUG", TEA], 1..=2), 1..4_u32).prop_map(
        |(order_id, skus, quantity)| {
            place_order(order_id, skus.into_iter().map(|text| (sku(text), quantity)).collect())
        },
    );
    let record = (order(), select(FACTS.to_vec()))
        .prop_map(|(order_id, fact)| Command::Record(RecordedFact { order_id, ..recorded_fact(fact) }));
    prop_oneof![
        1 => list,
        1 => place,
        1 => order().prop_map(Command::Cancel),
        1 => (order(), select(vec![DEADLINE, Timestamp::MAX])).prop_map(|(order_id, at)| Command::Expire { order_id, at }),
        6 => record,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn order_is_placed_once_and_ends_once(commands in proptest::collection::vec(any_command(), 1..40)) {
        let mut case = catalog();
        let mut published = vec![];
        for command in &commands {
            let has_timer = Order::next_timer(&case.state(command)).is_some();
            let events = case.decide(command);
            if let Command::Expire { at, .. } = command {
                prop_assert!(has_timer || events.is_empty(), "only an order with a timer expires");
                let next = Order::next_timer(&case.state(command));
                prop_assert!(next.is_none_or(|next| next > *at), "each timer fires once");
            }
            published.extend(events.into_iter().filter_map(|event| match event {
                LogEvent::Public(event) => Some(event),
                LogEvent::Internal(_) => None,
            }));
        }
        for order_id in [ORDER, OTHER_ORDER] {
            let history = published.iter().filter(|event| event.subject().parse() == Some(order_id));
            check_history(&history.collect::<Vec<_>>())?;
        }
    }
}

/// Position in an order's history; `None` for a requested cancellation.
fn position(event: &OrderEvent) -> Option<u8> {
    match event {
        OrderEvent::OrderPlaced(_) => Some(0),
        OrderEvent::OrderConfirmed(_) => Some(1),
        OrderEvent::OrderCancelled(_) => Some(2),
        OrderEvent::OrderCancellationRequested(_) => None,
    }
}

/// Placed, perhaps confirmed, perhaps cancelled, each once. A cancellation is requested at most once, and not after it.
fn check_history(history: &[&OrderEvent]) -> Result<(), TestCaseError> {
    let positions: Vec<_> = history.iter().filter_map(|event| position(event)).collect();
    prop_assert!(positions.is_sorted_by(|one, next| one < next), "{:?}", history);
    prop_assert!(history.is_empty() || position(history[0]) == Some(0), "{:?}", history);
    let is_request = |event: &&&OrderEvent| position(event).is_none();
    prop_assert!(history.iter().filter(is_request).count() <= 1, "{:?}", history);
    let is_last_request = history.last().is_some_and(|last| is_request(&last));
    prop_assert!(!(is_last_request && positions.contains(&2)), "{:?}", history);
    Ok(())
}
