//! The order service's column of the saga table, and what holds whatever happens.

mod support;

use contracts::{
    CancelReason, Currency, Event as ContractEvent, Money, OrderId,
    order::{OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderEvent, OrderLine, OrderPlaced},
};
use decider::{LogEvent, SagaMetric, Service, StreamId};
use order::{
    decider::{Command, Event, Fact, Observation, Order, OrderNote, Placement, Product, State},
    policy::{ORDERS, PRODUCTS},
};
use proptest::{prelude::*, sample::select};
use support::{
    CARD, Case, DEADLINE, EVENT, NOW, ORDER, address, contract_events, placed, reactions, received, sku, stock_reserved,
};
use uuid::Uuid;

const CANCEL: Command = Command::Cancel(ORDER);
const PASS_DEADLINE: Command = Command::PassDeadline(ORDER);

/// An order that was placed, and of which these facts are known.
fn given(facts: &[Fact]) -> Case<Order> {
    empty().given([ordered()]).given(facts.iter().map(|fact| noted(fact.clone())))
}

fn empty() -> Case<Order> {
    Case::new(|command| !matches!(command, Command::ListProduct(_)))
}

fn catalog() -> Case<Order> {
    empty().given([listed("MUG", 1250), listed("TEA", 899)])
}

fn ordered() -> Event {
    LogEvent::Public(placed().into())
}

fn product(text: &str, minor: i64) -> Product {
    Product { sku: sku(text), name: format!("A {text}"), price: Money::eur(minor) }
}

fn listed(text: &str, minor: i64) -> Event {
    LogEvent::Internal(OrderNote::ProductListed(product(text, minor)))
}

/// What a customer asks for; by default what [`placed`] has.
fn place(lines: &[(&str, u32)]) -> Command {
    let OrderPlaced { order_id, customer, payment_method, address, placed_at, deadline, .. } = placed();
    let lines = lines.iter().map(|(text, quantity)| (sku(text), *quantity)).collect();
    Command::Place(Box::new(Placement { order_id, customer, lines, payment_method, address, placed_at, deadline }))
}

fn observed(fact: Fact) -> Observation {
    let causation_id = received(stock_reserved()).meta.causation_id;
    Observation { order_id: ORDER, fact, event_id: EVENT, occurred_at: NOW, causation_id }
}

fn note(fact: Fact) -> Command {
    Command::Note(observed(fact))
}

fn noted(fact: Fact) -> Event {
    LogEvent::Internal(OrderNote::FactNoted(observed(fact)))
}

fn cancellation_requested(reason: CancelReason) -> Event {
    LogEvent::Public(OrderCancellationRequested { order_id: ORDER, reason }.into())
}

fn confirmed() -> Event {
    LogEvent::Public(OrderConfirmed { order_id: ORDER }.into())
}

fn cancelled(reason: CancelReason) -> Event {
    LogEvent::Public(OrderCancelled { order_id: ORDER, reason }.into())
}

fn state(case: &Case<Order>) -> State {
    case.state(&CANCEL)
}

fn status(case: &Case<Order>) -> &'static str {
    Order::status(&state(case))
}

/// The facts in the order of the saga table, each with the event that brings it.
fn facts_and_events() -> Vec<(Fact, ContractEvent)> {
    let others = contract_events().into_iter().filter(|event| !matches!(event, ContractEvent::Order(_)));
    let facts = [
        Fact::StockReserved,
        Fact::StockReservationRejected,
        Fact::StockCommitted,
        Fact::StockReleased,
        Fact::PaymentCaptured,
        Fact::PaymentDeclined,
        Fact::PaymentRefunded,
        Fact::PaymentVoided,
        Fact::ShipmentScheduled,
        Fact::ShipmentRejected,
        Fact::ShipmentCancelled,
        Fact::ShipmentCancellationRefused,
        Fact::ShipmentDispatched,
    ];
    facts.into_iter().zip(others).collect()
}

/// Every sequence that these can come in.
fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let beginning_with = |first: usize| {
        let mut rest = items.to_vec();
        let first = rest.remove(first);
        permutations(&rest).into_iter().map(move |tail| [vec![first.clone()], tail].concat())
    };
    (0..items.len()).flat_map(beginning_with).collect()
}

// What the order learns from others

#[test]
fn every_event_of_another_service_is_a_fact_of_the_same_name() {
    let facts = facts_and_events();
    assert_eq!(reactions::<Order>(), facts.iter().map(|(fact, _)| fact.into()).collect::<Vec<&str>>());
    for (fact, event) in facts {
        assert_eq!(event.event_type().name, <&str>::from(&fact));
        let Some(Command::Note(observation)) = Order::react(&received(event)) else { panic!("{fact:?} is noted") };
        assert_eq!(observation, observed(fact));
    }
}

#[test]
fn a_step_on_the_way_is_noted() {
    for (fact, event) in facts_and_events() {
        let ends = [Fact::StockReservationRejected, Fact::ShipmentScheduled].contains(&fact);
        if !ends {
            given(&[]).when(event).then([noted(fact)]);
        }
    }
}

#[test]
fn a_fact_about_an_unknown_order_is_nothing() {
    for (_, event) in facts_and_events() {
        empty().when(event).then([]);
    }
}

#[test]
fn a_fact_that_comes_again_is_nothing() {
    for (fact, event) in facts_and_events() {
        given(&[fact]).when(event).then([]);
    }
}

// Endings

#[test]
fn a_scheduled_shipment_confirms() {
    given(&[Fact::StockReserved, Fact::PaymentCaptured, Fact::StockCommitted])
        .told(&note(Fact::ShipmentScheduled))
        .then([noted(Fact::ShipmentScheduled), confirmed()]);
}

#[test]
fn a_rejected_reservation_cancels_at_once() {
    given(&[])
        .told(&note(Fact::StockReservationRejected))
        .then([noted(Fact::StockReservationRejected), cancelled(CancelReason::OutOfStock)]);
}

#[test]
fn a_declined_payment_cancels_once_the_stock_is_back() {
    given(&[Fact::StockReserved])
        .told(&note(Fact::PaymentDeclined))
        .then([noted(Fact::PaymentDeclined)])
        .told(&note(Fact::StockReleased))
        .then([noted(Fact::StockReleased), cancelled(CancelReason::PaymentDeclined)]);
}

#[test]
fn a_rejected_shipment_cancels_once_stock_and_money_are_back() {
    given(&[Fact::StockReserved, Fact::PaymentCaptured, Fact::StockCommitted])
        .told(&note(Fact::ShipmentRejected))
        .then([noted(Fact::ShipmentRejected)])
        .told(&note(Fact::PaymentRefunded))
        .then([noted(Fact::PaymentRefunded)])
        .told(&note(Fact::StockReleased))
        .then([noted(Fact::StockReleased), cancelled(CancelReason::ShipmentRejected)]);
}

#[test]
fn a_confirmed_order_that_is_undone_is_cancelled() {
    given(&[])
        .given([noted(Fact::ShipmentScheduled), confirmed()])
        .told(&CANCEL)
        .then([cancellation_requested(CancelReason::Customer)])
        .told(&note(Fact::ShipmentCancelled))
        .then([noted(Fact::ShipmentCancelled)])
        .told(&note(Fact::StockReleased))
        .then([noted(Fact::StockReleased)])
        .told(&note(Fact::PaymentRefunded))
        .then([noted(Fact::PaymentRefunded), cancelled(CancelReason::Customer)]);
}

#[test]
fn a_refused_cancellation_leaves_the_order_confirmed() {
    let case = given(&[])
        .given([noted(Fact::ShipmentScheduled), confirmed(), cancellation_requested(CancelReason::Customer)])
        .told(&note(Fact::ShipmentCancellationRefused))
        .then([noted(Fact::ShipmentCancellationRefused)]);
    assert_eq!(status(&case), "confirmed");
}

/// While shipping may still cancel, nobody is told that the order will ship.
#[test]
fn a_shipment_scheduled_after_the_cancellation_waits_for_shippings_decision() {
    let asked = || given(&[]).told(&CANCEL).told(&note(Fact::ShipmentScheduled)).then([noted(Fact::ShipmentScheduled)]);
    for decision in [Fact::ShipmentCancellationRefused, Fact::ShipmentDispatched] {
        asked().told(&note(decision.clone())).then([noted(decision), confirmed()]);
    }
    asked().told(&note(Fact::ShipmentCancelled)).then([noted(Fact::ShipmentCancelled)]);
}

/// Whether the customer asks for a cancellation before anything else is known.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cancellation {
    Asked,
    NotAsked,
}

/// Every way in which a saga can go, as the facts that it leaves.
#[test]
fn the_facts_lead_to_the_same_end_in_every_sequence() {
    use Cancellation::{Asked, NotAsked};
    use Fact::{
        PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentVoided, ShipmentCancellationRefused,
        ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled, StockCommitted, StockReleased,
        StockReservationRejected, StockReserved,
    };
    let paid = [StockReserved, PaymentCaptured, StockCommitted];
    let ways = [
        (NotAsked, [&paid[..], &[ShipmentScheduled]].concat(), confirmed()),
        (NotAsked, [&paid[..], &[ShipmentScheduled, ShipmentDispatched]].concat(), confirmed()),
        (NotAsked, vec![StockReservationRejected], cancelled(CancelReason::OutOfStock)),
        (NotAsked, vec![StockReserved, PaymentDeclined, StockReleased], cancelled(CancelReason::PaymentDeclined)),
        (
            NotAsked,
            [&paid[..], &[ShipmentRejected, StockReleased, PaymentRefunded]].concat(),
            cancelled(CancelReason::ShipmentRejected),
        ),
        // Before anything was done.
        (Asked, vec![ShipmentCancelled, StockReleased, PaymentVoided], cancelled(CancelReason::Customer)),
        // While the stock was found missing.
        (Asked, vec![ShipmentCancelled, StockReservationRejected, PaymentVoided], cancelled(CancelReason::OutOfStock)),
        // While the charge was called off: in time, too late, and when it was declined.
        (
            Asked,
            vec![ShipmentCancelled, StockReserved, StockReleased, PaymentVoided],
            cancelled(CancelReason::Customer),
        ),
        (
            Asked,
            vec![ShipmentCancelled, StockReserved, StockReleased, PaymentCaptured, PaymentRefunded],
            cancelled(CancelReason::Customer),
        ),
        (
            Asked,
            vec![ShipmentCancelled, StockReserved, StockReleased, PaymentDeclined],
            cancelled(CancelReason::PaymentDeclined),
        ),
        // After the shipment was scheduled: in time, and too late.
        (
            Asked,
            [&paid[..], &[ShipmentScheduled, ShipmentCancelled, StockReleased, PaymentRefunded]].concat(),
            cancelled(CancelReason::Customer),
        ),
        (
            Asked,
            [&paid[..], &[ShipmentScheduled, ShipmentDispatched, ShipmentCancellationRefused]].concat(),
            confirmed(),
        ),
    ];
    for (cancellation, facts, end) in ways {
        for sequence in permutations(&facts) {
            assert_eq!(ends(cancellation, &sequence), vec![end.clone()], "{cancellation:?}, then {sequence:?}");
        }
    }
}

/// What a sequence of facts made the order publish about its end. Unchecked, for speed: there are thousands.
fn ends(cancellation: Cancellation, facts: &[Fact]) -> Vec<Event> {
    use decider::Decider;
    let mut state = Order::fold(State::default(), &[ordered()]);
    if cancellation == Cancellation::Asked {
        state = Order::evolve(state, &cancellation_requested(CancelReason::Customer));
    }
    let mut ends = vec![];
    for fact in facts {
        let events = Order::decide(&state, &note(fact.clone()));
        state = Order::fold(state, &events);
        ends.extend(events.into_iter().filter(|event| matches!(event, LogEvent::Public(_))));
    }
    ends
}

/// The customer asks while the carrier refuses: both are true causes, and whichever is known first is told.
#[test]
fn a_rejected_shipment_and_a_cancellation_cancel_once() {
    for sequence in permutations(&[Fact::ShipmentRejected, Fact::StockReleased, Fact::PaymentRefunded]) {
        let ends = ends(Cancellation::Asked, &sequence);
        let causes = [CancelReason::ShipmentRejected, CancelReason::Customer].map(|reason| vec![cancelled(reason)]);
        assert!(causes.contains(&ends), "{sequence:?} ended in {ends:?}");
    }
}

#[test]
fn one_word_says_where_the_order_is() {
    use Fact::{
        PaymentCaptured, PaymentDeclined, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
        StockCommitted, StockReleased, StockReservationRejected, StockReserved,
    };
    let words: [(&[Fact], &str); 10] = [
        (&[], "placed"),
        (&[StockReserved], "stock_reserved"),
        (&[StockReserved, PaymentCaptured], "paid"),
        (&[StockReserved, PaymentCaptured, StockCommitted], "stock_committed"),
        (&[StockReserved, PaymentCaptured, StockCommitted, ShipmentScheduled], "confirmed"),
        (&[StockReserved, PaymentCaptured, StockCommitted, ShipmentScheduled, ShipmentDispatched], "dispatched"),
        (&[StockReserved, PaymentDeclined], "cancelling"),
        (&[StockReserved, PaymentCaptured, StockCommitted, ShipmentRejected], "cancelling"),
        (&[ShipmentCancelled, StockReleased], "cancelling"),
        (&[StockReservationRejected], "cancelled"),
    ];
    for (facts, word) in words {
        let case = facts.iter().fold(given(&[]), |case, fact| case.told(&note(fact.clone())));
        assert_eq!(status(&case), word, "{facts:?}");
    }
    assert_eq!(status(&given(&[]).told(&CANCEL)), "cancelling");
}

#[test]
fn a_request_to_cancel_is_the_reason_until_it_can_only_be_refused() {
    let reason = |case: &Case<Order>| state(case).order.and_then(|order| order.reason());
    assert_eq!(reason(&given(&[Fact::ShipmentScheduled])), None);
    assert_eq!(reason(&given(&[]).told(&CANCEL)), Some(CancelReason::Customer));
    for too_late in [Fact::ShipmentDispatched, Fact::ShipmentCancellationRefused] {
        assert_eq!(reason(&given(&[]).told(&CANCEL).told(&note(too_late))), None);
    }
    assert_eq!(reason(&given(&[]).given([cancelled(CancelReason::OutOfStock)])), Some(CancelReason::OutOfStock));
}

// Placing

#[test]
fn prices_come_from_the_catalog() {
    catalog().told(&place(&[("MUG", 2), ("TEA", 1)])).then([ordered()]);
}

#[test]
fn a_new_price_is_for_orders_to_come() {
    let mugs = |unit, total| {
        let lines = vec![OrderLine { sku: sku("MUG"), quantity: 2, unit_price: Money::eur(unit) }];
        LogEvent::Public(OrderPlaced { lines, total: Money::eur(total), ..placed() }.into())
    };
    catalog()
        .told(&Command::ListProduct(product("MUG", 1300)))
        .then([listed("MUG", 1300)])
        .told(&place(&[("MUG", 2)]))
        .then([mugs(1300, 2600)])
        .told(&Command::ListProduct(product("MUG", 1400)))
        .then([listed("MUG", 1400)])
        .told(&place(&[("MUG", 2)]))
        .then([]);
}

#[test]
fn a_product_is_listed_once() {
    let mug = Command::ListProduct(product("MUG", 1250));
    empty().told(&mug).then([listed("MUG", 1250)]).told(&mug).then([]);
}

#[test]
fn an_order_that_cannot_be_priced_is_no_order() {
    let dollars = Money { minor: 1, currency: "USD".parse::<Currency>().expect("a currency") };
    let import = LogEvent::Internal(OrderNote::ProductListed(Product { price: dollars, ..product("IMPORT", 0) }));
    let case = catalog().given([listed("GOLD", i64::MAX / 2), import]);
    let unpriced: [&[(&str, u32)]; 6] = [
        &[("UNKNOWN", 1)],
        &[("MUG", 1), ("UNKNOWN", 1)],
        &[],
        &[("MUG", 1), ("IMPORT", 1)],
        &[("GOLD", 3)],
        &[("GOLD", 2), ("MUG", 1)],
    ];
    unpriced.into_iter().fold(case, |case, lines| case.told(&place(lines)).then([]));
}

/// The API gives an order the id that follows from its idempotency key.
#[test]
fn an_order_is_placed_once_whatever_is_in_it() {
    catalog().told(&place(&[("MUG", 2), ("TEA", 1)])).then([ordered()]).told(&place(&[("TEA", 7)])).then([]);
}

#[test]
fn a_placement_loads_the_order_and_its_products() {
    let wanted = Order::streams(&place(&[("MUG", 2), ("TEA", 1)]), &State::default());
    let product = |text| StreamId::of_sku(PRODUCTS, &sku(text));
    assert_eq!(wanted, [StreamId::of_order(ORDERS, ORDER), product("MUG"), product("TEA")]);
}

// Cancelling

#[test]
fn the_customer_cancels_once() {
    given(&[])
        .told(&CANCEL)
        .then([cancellation_requested(CancelReason::Customer)])
        .told(&CANCEL)
        .then([])
        .told(&PASS_DEADLINE)
        .then([]);
}

#[test]
fn nobody_cancels_an_unknown_order() {
    catalog()
        .told(&CANCEL)
        .then([])
        .told(&PASS_DEADLINE)
        .then([])
        .told(&place(&[("MUG", 2), ("TEA", 1)]))
        .then([ordered()]);
}

#[test]
fn a_confirmed_order_can_be_cancelled_by_the_customer_but_not_by_the_clock() {
    given(&[Fact::ShipmentScheduled])
        .given([confirmed()])
        .told(&PASS_DEADLINE)
        .then([])
        .told(&CANCEL)
        .then([cancellation_requested(CancelReason::Customer)]);
}

#[test]
fn asking_to_cancel_is_pointless_when_the_order_is_being_undone_or_beyond_recall() {
    let pointless = [
        Fact::StockReservationRejected,
        Fact::StockReleased,
        Fact::PaymentDeclined,
        Fact::PaymentRefunded,
        Fact::PaymentVoided,
        Fact::ShipmentRejected,
        Fact::ShipmentCancelled,
        Fact::ShipmentCancellationRefused,
        Fact::ShipmentDispatched,
    ];
    for (fact, _) in facts_and_events() {
        for (command, reason) in [(CANCEL, CancelReason::Customer), (PASS_DEADLINE, CancelReason::DeadlinePassed)] {
            let asked = (!pointless.contains(&fact)).then(|| cancellation_requested(reason));
            given(&[]).given([noted(fact.clone())]).told(&command).then(asked);
        }
    }
}

#[test]
fn a_cancelled_order_is_left_alone() {
    given(&[Fact::StockReservationRejected])
        .given([cancelled(CancelReason::OutOfStock)])
        .told(&CANCEL)
        .then([])
        .told(&PASS_DEADLINE)
        .then([]);
}

// The deadline

#[test]
fn an_order_that_is_not_complete_at_its_deadline_asks_for_its_own_cancellation() {
    let on_the_way = [Fact::StockReserved, Fact::PaymentCaptured, Fact::StockCommitted];
    for known in 0..=on_the_way.len() {
        let case = given(&on_the_way[..known]);
        let stream = StreamId::of_order(ORDERS, ORDER);
        assert_eq!(Order::next_timer(&state(&case)), Some(DEADLINE));
        let wake = Order::on_timer(&stream).expect("an order's stream can be woken");
        let case = case.told(&wake).then([cancellation_requested(CancelReason::DeadlinePassed)]);
        assert_eq!(Order::next_timer(&state(&case)), None);
    }
}

#[test]
fn an_order_that_has_ended_or_is_being_undone_does_not_wait_for_its_deadline() {
    let confirmed = given(&[Fact::ShipmentScheduled]).given([confirmed()]);
    let cancelling = given(&[]).given([cancellation_requested(CancelReason::Customer)]);
    let declined = given(&[Fact::PaymentDeclined]);
    let dispatched = given(&[Fact::ShipmentDispatched]);
    for case in [confirmed, cancelling, declined, dispatched] {
        assert_eq!(Order::next_timer(&state(&case)), None, "{}", status(&case));
    }
    assert_eq!(Order::next_timer(&state(&catalog())), None, "a product has no deadline");
}

#[test]
fn only_an_order_can_be_woken() {
    let woken = Order::on_timer(&StreamId::of_order(ORDERS, ORDER));
    assert!(matches!(woken, Some(Command::PassDeadline(ORDER))), "{woken:?}");
    assert!(Order::on_timer(&StreamId::of_sku(PRODUCTS, &sku("MUG"))).is_none());
}

// What others watch

#[test]
fn an_order_that_ends_is_counted_and_timed_from_its_placing() {
    let state = state(&given(&[]));
    let ended = |outcome, reason| Some(SagaMetric::Ended { outcome, reason, began: NOW });
    assert_eq!(Order::metric(&state, &confirmed()), ended("confirmed", None));
    for reason in [CancelReason::Customer, CancelReason::OutOfStock] {
        assert_eq!(Order::metric(&state, &cancelled(reason)), ended("cancelled", Some(reason)));
        assert_eq!(Order::metric(&state, &cancellation_requested(reason)), None);
    }
    assert_eq!(Order::metric(&state, &ordered()), None);
    assert_eq!(Order::metric(&state, &noted(Fact::ShipmentScheduled)), None);
}

// Whatever happens

fn other_order() -> OrderId {
    OrderId(Uuid::from_u128(2))
}

fn any_command() -> impl Strategy<Value = Command> {
    let facts: Vec<_> = facts_and_events().into_iter().map(|(fact, _)| fact).collect();
    let order = || select(vec![ORDER, other_order()]);
    let listing =
        (select(vec!["MUG", "TEA"]), 1..3_i64).prop_map(|(text, minor)| Command::ListProduct(product(text, minor)));
    let placing = (order(), proptest::sample::subsequence(vec!["MUG", "TEA"], 1..=2), 1..4_u32).prop_map(
        |(order_id, skus, quantity)| {
            let lines = skus.into_iter().map(|text| (sku(text), quantity)).collect();
            Command::Place(Box::new(Placement {
                order_id,
                customer: "ada".into(),
                lines,
                payment_method: CARD.into(),
                address: address(),
                placed_at: NOW,
                deadline: DEADLINE,
            }))
        },
    );
    let noting =
        (order(), select(facts)).prop_map(|(order_id, fact)| Command::Note(Observation { order_id, ..observed(fact) }));
    prop_oneof![
        1 => listing,
        1 => placing,
        1 => order().prop_map(Command::Cancel),
        1 => order().prop_map(Command::PassDeadline),
        6 => noting,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn whatever_happens_an_order_is_placed_once_and_ends_once(
        commands in proptest::collection::vec(any_command(), 1..40),
    ) {
        let mut case = catalog();
        let mut published = vec![];
        for command in &commands {
            let waiting = Order::next_timer(&case.state(command)).is_some();
            let events = case.tell(command);
            if let Command::PassDeadline(_) = command {
                prop_assert_eq!(!events.is_empty(), waiting, "who waits for a deadline does something about it");
                prop_assert_eq!(Order::next_timer(&case.state(command)), None, "and then waits no more");
            }
            published.extend(events.into_iter().filter_map(|event| match event {
                LogEvent::Public(event) => Some(event),
                LogEvent::Internal(_) => None,
            }));
        }
        for order_id in [ORDER, other_order()] {
            let story = published.iter().filter(|event| contracts::Contract::order_id(*event) == order_id);
            check_story(&story.collect::<Vec<_>>())?;
        }
    }
}

/// Placed, then perhaps confirmed, then perhaps cancelled, each once; its cancellation is asked for once, before that.
fn check_story(story: &[&OrderEvent]) -> Result<(), TestCaseError> {
    let stage = |event: &&OrderEvent| match event {
        OrderEvent::OrderPlaced(_) => Some(0),
        OrderEvent::OrderConfirmed(_) => Some(1),
        OrderEvent::OrderCancelled(_) => Some(2),
        OrderEvent::OrderCancellationRequested(_) => None,
    };
    let stages: Vec<_> = story.iter().filter_map(stage).collect();
    prop_assert!(stages.is_sorted_by(|one, next| one < next), "{:?}", story);
    prop_assert!(story.is_empty() || stages[0] == 0, "{:?}", story);
    let requests = story.iter().filter(|event| stage(event).is_none()).count();
    prop_assert!(requests <= 1, "{:?}", story);
    let asked_after_its_end =
        requests == 1 && story.last().is_some_and(|last| stage(last).is_none()) && stages.contains(&2);
    prop_assert!(!asked_after_its_end, "{:?}", story);
    Ok(())
}
