//! What every service gets from this crate: events in the log and back, names of streams, and what a decider may leave out.

use contracts::{
    OrderId, Received, Sku,
    order::{OrderConfirmed, OrderEvent},
};
use decider::{Decider, InternalEvent, LogError, LogEvent, NoIntent, Reaction, Service, StreamId, Trigger};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const ORDER: OrderId = OrderId(Uuid::from_u128(0xA));
/// `ORDER` in a stream's name.
const STREAM: &str = "tally-00000000-0000-0000-0000-00000000000a";

/// Counts what it is told to count.
#[derive(Debug)]
struct Tally;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    by: u32,
}

type Event = LogEvent<OrderEvent, Counted>;

impl InternalEvent for Counted {
    fn name(&self) -> &'static str {
        "Counted"
    }
}

impl Decider for Tally {
    type State = u32;
    type Command = u32;
    type Event = Event;

    fn decide(_state: &u32, command: &u32) -> Vec<Event> {
        vec![counted(*command)]
    }

    fn evolve(state: u32, event: &Event) -> u32 {
        match event {
            LogEvent::Internal(Counted { by }) => state + by,
            LogEvent::Public(_) => state,
        }
    }
}

impl Service for Tally {
    type Public = OrderEvent;
    type Internal = Counted;
    type Intent = NoIntent;

    const CATEGORIES: &'static [&'static str] = &["tally"];
    const CONSUMES: &'static [&'static str] = &[];
    const REACTIONS: &'static [Reaction] = &[];

    fn command_name(_command: &u32) -> &'static str {
        "Count"
    }

    fn react(_received: &Received) -> Option<u32> {
        None
    }

    fn intent(_event: &Event) -> Option<NoIntent> {
        None
    }

    fn next_timer(_state: &u32) -> Option<Timestamp> {
        None
    }

    fn on_timer(_stream: &StreamId) -> Option<u32> {
        None
    }

    fn streams(_command: &u32, _state: &u32) -> Vec<StreamId> {
        vec![]
    }

    fn stream_of(_event: &Event) -> StreamId {
        StreamId::of_order("tally", ORDER)
    }

    fn status(_state: &u32) -> &'static str {
        "counting"
    }
}

fn counted(by: u32) -> Event {
    LogEvent::Internal(Counted { by })
}

fn confirmed() -> Event {
    LogEvent::Public(OrderConfirmed { order_id: ORDER }.into())
}

fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

// What a decider may leave out

#[test]
fn all_events_together_make_the_state() {
    assert_eq!(Tally::fold(Tally::initial(), &[counted(2), confirmed(), counted(3)]), 5);
    assert_eq!(Tally::fold(4, &[]), 4);
}

#[test]
fn one_stream_s_state_is_all_there_is() {
    assert_eq!(Tally::merge(vec![&7]), 7);
    assert_eq!(Tally::merge(vec![]), Tally::initial());
}

// The log

#[test]
fn a_public_event_is_stored_under_its_contract_s_name_and_version() {
    let (name, version, data) = confirmed().encode();
    let expected = ("OrderConfirmed", "2026-11", r#"{"order_id":"00000000-0000-0000-0000-00000000000a"}"#);
    assert_eq!((name, version, data.as_str()), expected);
    assert_eq!(Event::decode(name, version, &data).expect("reads"), confirmed());
}

#[test]
fn a_private_event_is_stored_under_its_own_name() {
    let (name, version, data) = counted(2).encode();
    assert_eq!((name, version, data.as_str()), ("Counted", "private", r#"{"by":2}"#));
    assert_eq!(Event::decode(name, version, &data).expect("reads"), counted(2));
}

#[test]
fn an_older_version_is_read_as_the_newest() {
    let golden = include_str!("../../contracts/golden/OrderPlaced/2026-10.json");
    let read = Event::decode("OrderPlaced", "2026-10", golden).expect("reads");
    let LogEvent::Public(OrderEvent::OrderPlaced(placed)) = read else { panic!("{read:?}") };
    assert_eq!(placed.total.minor, 3399);
}

#[test]
fn what_does_not_fit_is_an_error_that_names_it() {
    let public = Event::decode("OrderConfirmed", "2026-11", "{}").expect_err("has no order");
    assert!(
        matches!(&public, LogError::Public { name, version, .. } if name == "OrderConfirmed" && version == "2026-11")
    );
    let private = Event::decode("Counted", "private", "{}").expect_err("has no number");
    assert!(matches!(&private, LogError::Internal { name, .. } if name == "Counted"));
}

// Streams

#[test]
fn a_stream_is_called_after_what_it_is_about() {
    let of_order = StreamId::of_order("tally", ORDER);
    assert_eq!((of_order.as_str(), of_order.category()), (STREAM, "tally"));
    assert_eq!((of_order.to_string().as_str(), of_order.id()), (STREAM, ORDER.to_string().as_str()));
    let of_sku = StreamId::of_sku("stock", &sku("TEA-250"));
    assert_eq!((of_sku.as_str(), of_sku.category(), of_sku.id()), ("stock-TEA-250", "stock", "TEA-250"));
}

#[test]
fn a_stream_is_known_by_its_name() {
    assert_eq!(StreamId::parse(STREAM.into()), Some(StreamId::of_order("tally", ORDER)));
    assert_eq!(StreamId::parse("stock-TEA-250".into()), Some(StreamId::of_sku("stock", &sku("TEA-250"))));
    assert_eq!(StreamId::parse("tally".into()), None);
}

#[test]
fn a_stream_is_about_an_order_in_its_own_category_only() {
    assert_eq!(StreamId::of_order("tally", ORDER).order_id("tally"), Some(ORDER));
    assert_eq!(StreamId::of_order("tally", ORDER).order_id("order"), None);
    assert_eq!(StreamId::of_sku("stock", &sku("MUG")).order_id("stock"), None);
}

// Reactions

#[test]
fn a_reaction_says_what_it_is_to() {
    let emits = &["OrderPlaced"];
    let told = |reaction: Reaction| (reaction.to, reaction.command, reaction.words, reaction.emits);
    let expected = |to| (to, "Count", "counts", &emits[..]);
    assert_eq!(told(Reaction::to("OrderPlaced", "Count", "counts", emits)), expected(Trigger::Event("OrderPlaced")));
    assert_eq!(told(Reaction::asked_by("clerk", "Count", "counts", emits)), expected(Trigger::Request("clerk")));
    assert_eq!(told(Reaction::at_deadline("Count", "counts", emits)), expected(Trigger::Deadline));
}
