//! Fixtures and helpers of the suite.

use std::{collections::HashSet, sync::Mutex};

use cloudevent::{CorrelationId, EventId};
use decider::StreamId;
use jiff::Timestamp;
use store::{
    AsOf, Committed, Loaded, NewEvent, NewIntent, NewOutboxRow, ProcessedMessages, Restart, Snapshot, Step, Store,
    StoreError, StoredStream, StreamRequest, StreamWrite, Transaction, Writes,
};
use uuid::Uuid;

/// A backend under test: a separate database that can be opened repeatedly.
pub(crate) trait Fixture: Sized {
    type Store: Store;

    /// Creates a database, which is deleted with the fixture.
    async fn empty() -> Self;

    /// Opens the database, also while it is open elsewhere.
    async fn open(&self) -> Self::Store;
}

pub(crate) const CORRELATION: CorrelationId = CorrelationId(Uuid::from_u128(0xbb));
pub(crate) const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A transaction made of a function, which is called again if the store restarts the transaction.
pub(crate) struct Script<F> {
    messages: Vec<Uuid>,
    /// The processed messages reported in the first step.
    pub(crate) processed: Option<ProcessedMessages>,
    /// The keys that the transaction reports.
    pub(crate) ordering_keys: Vec<String>,
    /// The blocked keys reported in the first step.
    pub(crate) blocked_keys: Option<HashSet<String>>,
    /// The topics of the outbox rows shown before the last commit.
    pub(crate) commits: Mutex<Vec<String>>,
    step: F,
}

impl<F: FnMut(Loaded) -> Result<Step, Restart> + Send + 'static> Script<F> {
    pub(crate) fn new(messages: Vec<Uuid>, step: F) -> Self {
        Self { messages, ordering_keys: vec![], processed: None, blocked_keys: None, commits: Mutex::default(), step }
    }
}

impl<F: FnMut(Loaded) -> Result<Step, Restart> + Send + 'static> Transaction for Script<F> {
    fn messages(&mut self) -> Vec<Uuid> {
        (self.processed, self.blocked_keys) = (None, None);
        self.messages.clone()
    }

    fn ordering_keys(&self) -> Vec<String> {
        self.ordering_keys.clone()
    }

    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart> {
        self.processed.get_or_insert_with(|| loaded.processed.clone());
        self.blocked_keys.get_or_insert_with(|| loaded.blocked_keys.clone());
        (self.step)(loaded)
    }

    fn before_commit(&self, outbox: &mut dyn Iterator<Item = &NewOutboxRow>) {
        *self.commits.lock().expect("no holder of the lock panics") =
            outbox.map(|record| record.topic.clone()).collect();
    }
}

/// Writes without loading anything.
pub(crate) async fn try_write<S: Store>(
    store: &S,
    writes: impl Fn() -> Writes + Send + 'static,
) -> Result<Committed, StoreError> {
    store.transact(Script::new(vec![], move |_| Ok(Step::Write(writes())))).await.1
}

/// Writes without loading anything; panics on failure.
pub(crate) async fn write<S: Store>(store: &S, writes: impl Fn() -> Writes + Send + 'static) -> Committed {
    try_write(store, writes).await.expect("writes")
}

/// Appends to a stream; panics on failure.
pub(crate) async fn append<S: Store>(store: &S, write_of: impl Fn() -> StreamWrite + Send + 'static) {
    write(store, move || Writes { streams: vec![write_of()], ..Writes::default() }).await;
}

/// Processes messages with some writes and returns the messages that were processed before.
pub(crate) async fn handle<S: Store>(
    store: &S,
    messages: &[u128],
    writes: impl Fn() -> Writes + Send + 'static,
) -> ProcessedMessages {
    let messages = messages.iter().map(|id| Uuid::from_u128(*id)).collect();
    let (script, result) = store.transact(Script::new(messages, move |_| Ok(Step::Write(writes())))).await;
    result.expect("writes");
    script.processed.expect("the first step ran")
}

pub(crate) fn processed(messages: &[u128]) -> ProcessedMessages {
    messages.iter().map(|id| Uuid::from_u128(*id)).collect()
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamId::parse(format!("counter-{name}")).expect("a stream id")
}

/// The time this many seconds after the suite's epoch.
pub(crate) fn second(number: u64) -> Timestamp {
    Timestamp::new(1_795_428_000 + i64::try_from(number).expect("small"), 0).expect("in range")
}

pub(crate) fn event_id(number: u64) -> EventId {
    EventId(Uuid::from_u128(u128::from(number)))
}

/// An event with this number as its data, at that second.
pub(crate) fn numbered(number: u64) -> NewEvent {
    numbered_at(number, second(number))
}

pub(crate) fn numbered_at(number: u64, time: Timestamp) -> NewEvent {
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

/// A write of events to a stream at a version.
pub(crate) fn at(name: &str, expected_version: u64, events: Vec<NewEvent>) -> StreamWrite {
    StreamWrite {
        stream: stream(name),
        expected_version,
        events,
        trace: TRACE.into(),
        status: "open",
        due: None,
        metadata_changed: true,
        snapshot: None,
    }
}

/// A request for a stream that is known up to a version.
pub(crate) fn request(name: &str, known: u64) -> StreamRequest {
    StreamRequest { stream: stream(name), known, skip_snapshot: false }
}

/// The state of a stream: its numbers in order.
pub(crate) fn fold(stored: &StoredStream) -> Vec<u64> {
    let snapshot = stored.snapshot.as_ref().map_or("[]", |snapshot| &snapshot.state);
    let mut state: Vec<u64> = serde_json::from_str(snapshot).expect("a list of numbers");
    state.extend(stored.events.iter().map(|event| event.data.parse::<u64>().expect("a number")));
    state
}

/// The state after the numbers from 1 to `last`.
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

/// The payloads in the outbox.
pub(crate) async fn outbox_payloads<S: Store>(store: &S) -> Vec<String> {
    let rows = store.outbox(0, 1_000).await.expect("reads");
    rows.into_iter().map(|row| String::from_utf8(row.record.payload.to_vec()).expect("text")).collect()
}

/// The events with open intents.
pub(crate) async fn open_intents<S: Store>(store: &S) -> Vec<EventId> {
    let intents = store.intents(0, 1_000).await.expect("reads");
    intents.into_iter().map(|open| open.intent.event_id).collect()
}
