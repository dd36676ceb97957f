//! Fixtures and helpers of the suite.

use std::{collections::HashSet, sync::Mutex};

use cloudevent::{CorrelationId, EventId};
use decider::StreamId;
use jiff::Timestamp;
use store::{
    AsOf, Committed, DeadLetter, Head, Loaded, MessageIds, NewIntent, Publication, RecordData, Restart, Snapshot, Step,
    Store, StoreError, StoredEvent, StoredStream, StreamRequest, StreamWrite, Transaction, Writes,
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
    pub(crate) messages: Vec<Uuid>,
    pub(crate) ordering_keys: Vec<String>,
    /// The input of the first step, without streams.
    pub(crate) first: Option<Loaded>,
    /// The streams and the number of dead letters in the writes of the last commit.
    pub(crate) observed: Mutex<(Vec<StreamId>, usize)>,
    step: F,
}

impl<F: FnMut(Loaded) -> Result<Step, Restart> + Send + 'static> Script<F> {
    pub(crate) fn new(step: F) -> Self {
        Self { messages: vec![], ordering_keys: vec![], first: None, observed: Mutex::default(), step }
    }
}

impl<F: FnMut(Loaded) -> Result<Step, Restart> + Send + 'static> Transaction for Script<F> {
    fn begin(&mut self) {
        self.first = None;
    }

    fn messages(&self) -> Vec<Uuid> {
        self.messages.clone()
    }

    fn ordering_keys(&self) -> Vec<String> {
        self.ordering_keys.clone()
    }

    fn step(&mut self, loaded: Loaded) -> Result<Step, Restart> {
        let Loaded { old_inbox, dead_letters, blocked_keys, .. } = &loaded;
        self.first.get_or_insert_with(|| Loaded {
            old_inbox: old_inbox.clone(),
            dead_letters: dead_letters.clone(),
            blocked_keys: blocked_keys.clone(),
            streams: vec![],
        });
        (self.step)(loaded)
    }

    fn before_commit(&self, writes: &Writes) {
        let streams = writes.streams.iter().map(|write| write.stream.clone()).collect();
        *self.observed.lock().expect("no holder of the lock panics") = (streams, writes.dead_letters.len());
    }
}

/// Writes without loading anything.
pub(crate) async fn try_write<S: Store>(
    store: &S,
    writes: impl Fn() -> Writes + Send + 'static,
) -> Result<Committed, StoreError> {
    store.transact(Script::new(move |_| Ok(Step::Write(writes())))).await.1
}

/// Writes without loading anything; panics on failure.
pub(crate) async fn write<S: Store>(store: &S, writes: impl Fn() -> Writes + Send + 'static) -> Committed {
    try_write(store, writes).await.expect("writes")
}

/// Appends to a stream; panics on failure.
pub(crate) async fn append<S: Store>(store: &S, write_of: impl Fn() -> StreamWrite + Send + 'static) -> Committed {
    write(store, move || Writes { streams: vec![write_of()], ..Writes::default() }).await
}

/// Returns the first input of a transaction with these messages and ordering keys.
pub(crate) async fn first_input<S: Store>(store: &S, messages: &[u128], ordering_keys: Vec<String>) -> Loaded {
    let messages = messages.iter().copied().map(Uuid::from_u128).collect();
    let script = Script { messages, ordering_keys, ..Script::new(|_| Ok(Step::Write(Writes::default()))) };
    let (script, result) = store.transact(script).await;
    result.expect("commits");
    script.first.expect("the first step ran")
}

pub(crate) fn ids(numbers: &[u128]) -> HashSet<Uuid> {
    numbers.iter().copied().map(Uuid::from_u128).collect()
}

pub(crate) fn message_ids(numbers: &[u128]) -> MessageIds {
    let mut messages = MessageIds::default();
    for number in numbers {
        messages.push(Uuid::from_u128(*number));
    }
    messages
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

/// An internal event with this number as its data, at that second. [`at`] sets its version.
pub(crate) fn numbered(number: u64) -> StoredEvent {
    numbered_at(number, second(number))
}

pub(crate) fn numbered_at(number: u64, time: Timestamp) -> StoredEvent {
    StoredEvent {
        version: 0,
        id: EventId(Uuid::now_v7()),
        name: "Counted".into(),
        schema: "private".into(),
        data: number.to_string(),
        time,
        correlation_id: CORRELATION,
        causation_id: None,
        publication: None,
    }
}

/// A public event with this number as its data, at that second, and this number among the public events of its stream.
pub(crate) fn public(number: u64, sequence: u64) -> StoredEvent {
    let publication = Some(Publication { sequence, hops: 1, trace: TRACE.into() });
    StoredEvent { schema: "2026-11".into(), publication, ..numbered(number) }
}

/// A write of events to a stream at a version. The stream is new at version 0.
pub(crate) fn at(name: &str, expected_version: u64, mut events: Vec<StoredEvent>) -> StreamWrite {
    for (event, version) in events.iter_mut().zip(expected_version + 1..) {
        event.version = version;
    }
    let published = events.iter().filter_map(|event| event.publication.as_ref()).map(|one| one.sequence).max();
    let head = Head {
        correlation_id: Some(CORRELATION),
        trace: TRACE.into(),
        published: published.unwrap_or(0),
        ..Head::default()
    };
    StreamWrite {
        stream: stream(name),
        is_new: expected_version == 0,
        expected_version,
        events,
        head,
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

/// The numbers of the public events after a position, on all pages.
pub(crate) async fn public_numbers<S: Store>(store: &S, mut after: i64) -> Vec<String> {
    let mut numbers = vec![];
    loop {
        let page = store.tail(after, 1_000).await.expect("reads");
        numbers.extend(page.entries.into_iter().map(|entry| entry.event.data));
        after = page.through;
        if !page.has_more {
            return numbers;
        }
    }
}

pub(crate) fn record(payload: &'static str) -> RecordData {
    RecordData { topic: "order.dlq".into(), key: Some("key".into()), headers: vec![], payload: payload.into() }
}

pub(crate) fn dead_letter(id: u128, payload: &'static str) -> DeadLetter {
    DeadLetter { id: Uuid::from_u128(id), record: record(payload) }
}

/// Ids and payloads of the dead letters to publish.
pub(crate) async fn unpublished_letters<S: Store>(store: &S) -> Vec<(u128, String)> {
    let letters = store.dead_letters(100).await.expect("reads");
    let text = |letter: DeadLetter| String::from_utf8(letter.record.payload.to_vec()).expect("text");
    letters.into_iter().map(|letter| (letter.id.as_u128(), text(letter))).collect()
}

/// Writes one event per number to a stream; each event requests a call.
pub(crate) fn calls(name: &str, expected_version: u64, numbers: &[u64]) -> Writes {
    let event = |number: &u64| StoredEvent { id: event_id(*number), ..numbered(*number) };
    Writes {
        streams: vec![at(name, expected_version, numbers.iter().map(event).collect())],
        intents: numbers.iter().copied().map(intent).collect(),
        ..Writes::default()
    }
}

pub(crate) fn intent(number: u64) -> NewIntent {
    NewIntent { event_id: event_id(number), body: format!("{{\"call\":{number}}}") }
}

/// The events with open intents, on all pages.
pub(crate) async fn open_intents<S: Store>(store: &S) -> Vec<EventId> {
    let (mut events, mut after) = (vec![], 0);
    loop {
        let page = store.intents(after, 1_000).await.expect("reads");
        events.extend(page.intents.into_iter().map(|open| open.intent.event_id));
        after = page.through;
        if !page.has_more {
            return events;
        }
    }
}
