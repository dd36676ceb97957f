//! What the behaviours are written with.

use std::{collections::HashSet, sync::Mutex};

use contracts::{CorrelationId, EventId, OrderId};
use decider::StreamId;
use jiff::Timestamp;
use store::{
    AsOf, Committed, Loaded, NewEvent, NewIntent, NewOutboxRow, ProcessedMessages, Restart, Snapshot, Step, Store,
    StoreError, StoredStream, StreamRequest, StreamWrite, Transaction, Writes,
};
use uuid::Uuid;

/// A storage, as the suite needs it: a database of one's own, which can be opened again and again.
pub(crate) trait Fixture: Sized {
    type Store: Store;

    /// A new database. It goes when the fixture goes.
    async fn empty() -> Self;

    /// Opens the database, also while somebody else has it open.
    async fn open(&self) -> Self::Store;
}

pub(crate) const CORRELATION: CorrelationId = CorrelationId(Uuid::from_u128(0xbb));
pub(crate) const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A transaction as a function. It may be called more than once: a store may start over.
pub(crate) struct Script<F> {
    messages: Vec<Uuid>,
    /// What the store said in the first step.
    pub(crate) seen: Option<ProcessedMessages>,
    /// The orders that it says it is about.
    pub(crate) orders: Vec<OrderId>,
    /// Those of them that the store said are held, in the first step.
    pub(crate) held: Option<HashSet<OrderId>>,
    /// The topics of the records that it was told of before the last try to commit.
    pub(crate) commits: Mutex<Vec<String>>,
    step: F,
}

impl<F: FnMut(Loaded) -> Result<Step, Restart> + Send + 'static> Script<F> {
    pub(crate) fn new(messages: Vec<Uuid>, step: F) -> Self {
        Self { messages, orders: vec![], seen: None, held: None, commits: Mutex::default(), step }
    }
}

impl<F: FnMut(Loaded) -> Result<Step, Restart> + Send + 'static> Transaction for Script<F> {
    fn messages(&mut self) -> Vec<Uuid> {
        (self.seen, self.held) = (None, None);
        self.messages.clone()
    }

    fn ordering_keys(&self) -> Vec<OrderId> {
        self.orders.clone()
    }

    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart> {
        self.seen.get_or_insert_with(|| loaded.seen.clone());
        self.held.get_or_insert_with(|| loaded.held.clone());
        (self.step)(loaded)
    }

    fn commits(&self, outbox: &mut dyn Iterator<Item = &NewOutboxRow>) {
        *self.commits.lock().expect("nobody panics meanwhile") = outbox.map(|record| record.topic.clone()).collect();
    }
}

/// Writes without looking.
pub(crate) async fn try_write<S: Store>(
    store: &S,
    writes: impl Fn() -> Writes + Send + 'static,
) -> Result<Committed, StoreError> {
    store.transact(Script::new(vec![], move |_| Ok(Step::Write(writes())))).await.1
}

/// Writes without looking, and must succeed.
pub(crate) async fn write<S: Store>(store: &S, writes: impl Fn() -> Writes + Send + 'static) -> Committed {
    try_write(store, writes).await.expect("is written")
}

/// Appends to a stream, and must succeed.
pub(crate) async fn append<S: Store>(store: &S, write_of: impl Fn() -> StreamWrite + Send + 'static) {
    write(store, move || Writes { streams: vec![write_of()], ..Writes::default() }).await;
}

/// Handles messages and writes something; gives those that were handled before.
pub(crate) async fn handle<S: Store>(
    store: &S,
    messages: &[u128],
    writes: impl Fn() -> Writes + Send + 'static,
) -> ProcessedMessages {
    let messages = messages.iter().map(|id| Uuid::from_u128(*id)).collect();
    let (script, result) = store.transact(Script::new(messages, move |_| Ok(Step::Write(writes())))).await;
    result.expect("is written");
    script.seen.expect("was told")
}

pub(crate) fn seen(messages: &[u128]) -> ProcessedMessages {
    messages.iter().map(|id| Uuid::from_u128(*id)).collect()
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamId::parse(format!("counter-{name}")).expect("has a category")
}

/// The second that counts from the beginning of this suite's time.
pub(crate) fn second(number: u64) -> Timestamp {
    Timestamp::new(1_795_428_000 + i64::try_from(number).expect("small"), 0).expect("in range")
}

pub(crate) fn event_id(number: u64) -> EventId {
    EventId(Uuid::from_u128(u128::from(number)))
}

/// The event that says "`number`", at that second.
pub(crate) fn said(number: u64) -> NewEvent {
    said_at(number, second(number))
}

pub(crate) fn said_at(number: u64, time: Timestamp) -> NewEvent {
    NewEvent {
        id: EventId(Uuid::now_v7()),
        name: "Counted",
        schema: "private",
        data: number.to_string(),
        time,
        correlation_id: CORRELATION,
        causation_id: None,
    }
}

/// Appends events to a stream that is at a version.
pub(crate) fn at(name: &str, expected_version: u64, events: Vec<NewEvent>) -> StreamWrite {
    StreamWrite {
        stream: stream(name),
        expected_version,
        events,
        trace: TRACE.into(),
        status: "open",
        due: None,
        is_marked_anew: true,
        snapshot: None,
    }
}

/// A stream to load of which this much is known.
pub(crate) fn wanted(name: &str, known: u64) -> StreamRequest {
    StreamRequest { stream: stream(name), known }
}

/// A stream's state is the numbers that were said, in order.
pub(crate) fn fold(stored: &StoredStream) -> Vec<u64> {
    let snapshot = stored.snapshot.as_ref().map_or("[]", |snapshot| &snapshot.state);
    let mut state: Vec<u64> = serde_json::from_str(snapshot).expect("a list of numbers");
    state.extend(stored.events.iter().map(|event| event.data.parse::<u64>().expect("a number")));
    state
}

/// What the state is after the numbers up to `last` were said.
pub(crate) fn counted(last: u64) -> Vec<u64> {
    (1..=last).collect()
}

pub(crate) fn snapshot(version: u64, numbers: &[u64]) -> Snapshot {
    Snapshot { version, time: second(0), state: serde_json::to_string(numbers).expect("numbers") }
}

pub(crate) async fn load<S: Store>(store: &S, name: &str) -> StoredStream {
    store.load(stream(name), AsOf::Latest).await.expect("loads")
}

pub(crate) fn record(payload: &'static str) -> NewOutboxRow {
    NewOutboxRow { topic: "order.events".into(), key: Some("key".into()), headers: vec![], payload: payload.into() }
}

pub(crate) fn intent(number: u64) -> NewIntent {
    NewIntent { event_id: event_id(number), body: format!("{{\"call\":{number}}}") }
}

/// The payloads that wait in the outbox.
pub(crate) async fn waiting<S: Store>(store: &S) -> Vec<String> {
    let rows = store.outbox(0, 1_000).await.expect("reads");
    rows.into_iter().map(|row| String::from_utf8(row.record.payload.to_vec()).expect("text")).collect()
}

/// The events whose intents are open.
pub(crate) async fn open_intents<S: Store>(store: &S) -> Vec<EventId> {
    let intents = store.intents(0, 1_000).await.expect("reads");
    intents.into_iter().map(|open| open.intent.event_id).collect()
}
