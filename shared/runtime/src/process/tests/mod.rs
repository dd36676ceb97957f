//! Batches against a real store, with a service of few lines.

use contracts::{
    Contract as _, EventId, OrderId, Sku,
    shipping::{ShipmentDispatched, ShippingEvent},
};
use decider::{Decider, LogEvent, Service, StreamId};
use store::{AsOf, Committed, EventStore, SqliteStore, Store as _};
use tokio::sync::oneshot::{self, Receiver};

use std::{cell::Cell, collections::HashMap, rc::Rc, time::Duration};

use contracts::CorrelationId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Loaded, Restart, Step, Transaction, Writes};
use telemetry::{Spans, Trace};
use uuid::Uuid;

use super::{stream::SNAPSHOT_INTERVAL, *};
use crate::{
    call::Call,
    input::{Cause, Class, CommandInput, Decided, Failure, Input, Reply, RetryPolicy},
};

/// Counts, for each order, and dispatches it when its count reaches three.
#[derive(Debug)]
struct Counter;

#[derive(Debug, Clone, strum::IntoStaticStr)]
enum Command {
    Count(OrderId),
    /// Counts the order that this order's count, as a number, names.
    CountNext(OrderId),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counted(OrderId);

impl From<&Counted> for &'static str {
    fn from(_: &Counted) -> Self {
        "Counted"
    }
}

type Counts = HashMap<OrderId, u32>;

/// The number of an order that makes the decider panic.
const POISON: u128 = 666;

fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

impl Decider for Counter {
    type State = Counts;
    type Command = Command;
    type Event = LogEvent<ShippingEvent, Counted>;

    fn decide(counts: &Counts, command: &Command) -> Vec<Self::Event> {
        let order_id = match command {
            Command::Count(order_id) => *order_id,
            Command::CountNext(order_id) => order(counts.get(order_id).copied().unwrap_or_default().into()),
        };
        let counted = LogEvent::Internal(Counted(order_id));
        let dispatched = ShipmentDispatched { order_id, tracking: "T".into() };
        assert_ne!(order_id, order(POISON), "what no build can count");
        match counts.get(&order_id) {
            Some(2) => vec![counted, LogEvent::Public(dispatched.into())],
            _ => vec![counted],
        }
    }

    fn evolve(mut counts: Counts, event: &Self::Event) -> Counts {
        if let LogEvent::Internal(Counted(order_id)) = event {
            *counts.entry(*order_id).or_default() += 1;
        }
        counts
    }
}

impl Service for Counter {
    type Public = ShippingEvent;
    type Internal = Counted;
    type Intent = String;

    const CATEGORIES: &'static [&'static str] = &["count"];
    const REACTIONS: &'static [decider::Reaction<Self>] = &[];

    fn intent(event: &Self::Event) -> Option<String> {
        matches!(event, LogEvent::Public(_)).then(|| "call".to_owned())
    }

    fn streams(command: &Command, counts: &Counts) -> Vec<StreamId> {
        let stream = |order_id| StreamId::new("count", order_id);
        match command {
            Command::Count(order_id) => vec![stream(*order_id)],
            Command::CountNext(order_id) => {
                let next = order(counts.get(order_id).copied().unwrap_or_default().into());
                if next == *order_id { vec![stream(next)] } else { vec![stream(*order_id), stream(next)] }
            }
        }
    }

    fn stream_of(event: &Self::Event) -> Option<StreamId> {
        match event {
            LogEvent::Public(event) => Some(StreamId::new("count", event.subject())),
            LogEvent::Internal(Counted(order_id)) => Some(StreamId::new("count", order_id)),
        }
    }

    fn merge(parts: Vec<&Counts>) -> Counts {
        parts.into_iter().flatten().map(|(order_id, count)| (*order_id, *count)).collect()
    }

    fn status(_: &Counts) -> &'static str {
        "counted"
    }
}

struct Fixture {
    store: EventStore,
    cache: Cell<Cache<Counter>>,
    folder: Rc<tempfile::TempDir>,
}

impl Fixture {
    fn new() -> Self {
        Self::on(Rc::new(tempfile::tempdir().expect("a folder")))
    }

    /// Somebody else on the same database.
    fn another(&self) -> Self {
        Self::on(Rc::clone(&self.folder))
    }

    fn on(folder: Rc<tempfile::TempDir>) -> Self {
        let store = EventStore::Sqlite(SqliteStore::open(&folder.path().join("test.db")).expect("opens"));
        Self { store, cache: Cell::default(), folder }
    }

    /// As after a restart, or as another instance: nothing is known.
    fn forget(&self) {
        self.cache.take();
    }

    async fn run(&self, inputs: Vec<Input<Counter>>) -> Committed {
        self.run_at("2026-11-23T10:00:00.000001900Z", inputs).await
    }

    async fn run_at(&self, now: &str, inputs: Vec<Input<Counter>>) -> Committed {
        let now = now.parse().expect("a time");
        let outlet = PublishContext {
            schema_base_url: "http://schemas".into(),
            spans: Spans::default(),
            retries: RetryPolicy { attempts_max: 3, backoff_max: Duration::from_secs(1) },
            dead_letter_topic: "shipping.dlq".into(),
        };
        let mut batch = Batch::new(inputs, vec![], self.cache.take(), outlet, now);
        loop {
            let (tried, result) = self.store.transact(batch).await;
            match result {
                Err(store::StoreError::Restart) => batch = tried,
                committed => {
                    self.cache.set(tried.reply());
                    return committed.expect("commits");
                }
            }
        }
    }

    async fn count(&self, order_id: OrderId) -> u32 {
        let stored = self.store.load(StreamId::new("count", order_id), AsOf::Latest).await.expect("loads");
        rebuild::<Counter>(stored).expect("reads").get(&order_id).copied().unwrap_or_default()
    }
}

fn input(command: Command, message: Option<u128>) -> Input<Counter> {
    let message = message.map(Uuid::from_u128);
    Input::Command(CommandInput { message, ..unasked(command) })
}

fn unasked(command: Command) -> CommandInput<Counter> {
    let cause = Cause::default();
    CommandInput { message: None, command, cause, answers: None, reply: Reply::Nobody, span: None, arrival: None }
}

fn asked(command: Command, message: Option<u128>) -> (Input<Counter>, Receiver<Result<Decided<Counter>, Failure>>) {
    let (reply, answer) = oneshot::channel();
    let message = message.map(Uuid::from_u128);
    (Input::Command(CommandInput { message, reply: Reply::Decided(reply), ..unasked(command) }), answer)
}

#[tokio::test]
async fn a_command_sees_what_those_before_it_in_the_batch_did() {
    let fixture = Fixture::new();
    let committed = fixture.run((0..3).map(|_| input(Command::Count(order(7)), None)).collect()).await;
    assert_eq!(fixture.count(order(7)).await, 3);
    assert_eq!(committed.outbox.len(), 1, "the third count dispatches");
}

#[tokio::test]
async fn a_message_counts_once_in_a_batch_and_in_later_ones() {
    let fixture = Fixture::new();
    let count = || Command::Count(order(7));
    fixture.run(vec![input(count(), Some(1)), input(count(), Some(1)), input(count(), Some(2))]).await;
    assert_eq!(fixture.count(order(7)).await, 2);

    let (again, answer) = asked(count(), Some(2));
    fixture.run(vec![again]).await;
    let decided = answer.await.expect("an answer").expect("decided");
    assert_eq!(decided.events, [], "recognized");
    assert_eq!(decided.state.get(&order(7)), Some(&2), "and told what is known");
    assert_eq!(fixture.count(order(7)).await, 2);
}

#[tokio::test]
async fn a_stream_that_only_a_decision_before_made_necessary_is_loaded_in_time() {
    let fixture = Fixture::new();
    fixture.run(vec![input(Command::Count(order(1)), None), input(Command::Count(order(2)), None)]).await;
    // Order 1 has count 1; after the first command it is 2, so the second command counts order 2.
    fixture.run(vec![input(Command::Count(order(1)), None), input(Command::CountNext(order(1)), None)]).await;
    assert_eq!(fixture.count(order(1)).await, 2);
    assert_eq!(fixture.count(order(2)).await, 2, "counted on top of what was stored");
}

#[tokio::test]
async fn what_another_instance_wrote_since_is_seen() {
    let fixture = Fixture::new();
    let count = || vec![input(Command::Count(order(7)), None)];
    fixture.run(count()).await;
    fixture.another().run(count()).await;
    let committed = fixture.run(count()).await;
    assert_eq!(fixture.count(order(7)).await, 3);
    assert_eq!(committed.outbox.len(), 1, "the third count dispatches");
}

#[tokio::test]
async fn within_a_stream_time_does_not_run_backwards_whoever_writes_to_it() {
    let (one, other) = (Fixture::new(), "2026-11-23T09:00:00Z");
    let count = |times: u64| (0..times).map(|_| input(Command::Count(order(7)), None)).collect();
    one.run(count(1)).await;
    one.another().run_at(other, count(1)).await;
    one.run_at(other, count(1)).await;
    one.run(count(SNAPSHOT_INTERVAL - 3)).await;
    one.another().run_at(other, count(1)).await;
    let stream = StreamId::new("count", order(7));
    let times = one.store.history(stream, 0, 1000).await.expect("reads").into_iter().map(|event| event.time);
    assert!(times.len() > 100 && times.is_sorted(), "what is earlier is not after what is later");
}

#[tokio::test]
async fn what_failed_is_not_known() {
    let fixture = Fixture::new();
    fixture.run(vec![input(Command::Count(order(7)), None)]).await;
    let (poison, answer) = asked(Command::Count(order(POISON)), None);
    fixture.run(vec![input(Command::Count(order(7)), None), poison]).await;
    assert!(answer.await.expect("an answer").is_err());
    fixture.run(vec![input(Command::Count(order(7)), None)]).await;
    assert_eq!(fixture.count(order(7)).await, 3);
}

#[tokio::test]
async fn an_event_goes_out_as_it_was_stored() {
    let fixture = Fixture::new();
    let correlation_id = CorrelationId(Uuid::from_u128(5));
    let cause = Cause {
        correlation_id: Some(correlation_id),
        event_id: Some(EventId(Uuid::from_u128(6))),
        hops: 4,
        trace: Trace::default(),
    };
    let third = CommandInput { cause: cause.clone(), ..unasked(Command::Count(order(7))) };
    let count = || input(Command::Count(order(7)), None);
    let committed = fixture.run(vec![count(), count(), Input::Command(third)]).await;

    let record = &committed.outbox[0].record;
    let header = |name: &str| record.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..]);
    let Ok(contracts::Decoded::Known(received)) = contracts::decode(&record.topic, header, &record.payload) else {
        panic!("what goes out keeps its contract")
    };
    assert_eq!(received.meta.correlation_id, correlation_id);
    assert_eq!(received.meta.causation_id, cause.event_id);
    assert_eq!(received.meta.hops, 4);
    assert_eq!(received.meta.time.to_string(), "2026-11-23T10:00:00.000001Z", "whole microseconds");

    let history = fixture.store.history(StreamId::new("count", order(7)), 0, 10).await.expect("reads");
    let stored = history.last().expect("events");
    assert_eq!((stored.id, stored.time), (received.meta.id, received.meta.time));
    assert_eq!(
        committed.intents[0].intent.event_id, received.meta.id,
        "the call is known by the event that asks for it"
    );
    let call: Call<String> = serde_json::from_str(&committed.intents[0].intent.body).expect("reads");
    assert_eq!(call.cause, cause, "and its answer will carry the cause on");
}

#[tokio::test]
async fn a_long_stream_is_loaded_from_its_snapshot() {
    let fixture = Fixture::new();
    for run in 0..5 {
        if run == 3 {
            fixture.forget();
        }
        fixture.run((0..90).map(|_| input(Command::Count(order(7)), None)).collect()).await;
    }
    let stored = fixture.store.load(StreamId::new("count", order(7)), AsOf::Latest).await.expect("loads");
    assert_eq!(stored.version, 451, "450 counts and a dispatch");
    assert!((stored.events.len() as u64) < SNAPSHOT_INTERVAL, "{} events since the snapshot", stored.events.len());
    assert_eq!(fixture.count(order(7)).await, 450);
}

#[tokio::test]
async fn an_answer_closes_its_call() {
    let fixture = Fixture::new();
    let committed = fixture.run((0..3).map(|_| input(Command::Count(order(7)), None)).collect()).await;
    let event_id = committed.intents[0].intent.event_id;
    let answer = || {
        let (message, answers) = (Some(event_id.0), Some(event_id));
        Input::Command(CommandInput { message, answers, ..unasked(Command::Count(order(8))) })
    };
    fixture.run(vec![answer()]).await;
    assert!(fixture.store.intents(0, 10).await.expect("reads").is_empty());
    fixture.run(vec![answer()]).await;
    assert_eq!(fixture.count(order(8)).await, 1, "the same answer twice counts once");
}

mod audit;
mod rejected;

#[test]
fn a_sku_stream_and_an_order_stream_keep_their_names() {
    let sku: Sku = "A-B".parse().expect("a SKU");
    let stream = StreamId::new("stock", &sku);
    assert_eq!((stream.category(), stream.id()), ("stock", "A-B"));
    assert_eq!(StreamId::parse(stream.as_str().to_owned()), Some(stream));
}
