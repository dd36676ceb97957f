//! A small service that counts, on a real store.

use std::{cell::Cell, collections::HashMap, rc::Rc, time::Duration};

use cloudevent::{Suite, contract, schemars};
use decider::{Decider, LogEvent, Service, StreamId};
use serde::{Deserialize, Serialize};
use store::{AsOf, Committed, EventStore, LogEntry, SqliteStore, Store as _, StoreError};
use telemetry::Spans;
use tokio::sync::oneshot::{self, Receiver};
use uuid::Uuid;

use crate::{
    http::load_state,
    input::{Cause, CommandInput, Decision, Failure, Input, Reply, RetryPolicy},
    process::{PublishContext, StreamCache, batch::Batch},
};

const SUITE: &Suite = &Suite {
    name: "test",
    namespace: "test.",
    upcasts: &[],
    event_type_of: |_| None,
    subject_of: |_, _, _| None,
    schemas: Vec::new,
    schema: |_, _| None,
};

contract! {
    /// The public events of [`Counter`].
    CounterEvent, owner "counter", topic "counter.events", suite SUITE,
    subject counter as "counter.id" { Finished, "2026-11"; }
}

/// A counter reached a multiple of three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(crate = "cloudevent::schemars")]
pub(super) struct Finished {
    pub(super) counter: String,
}

/// Counts each counter, and publishes [`Finished`] at each third count.
#[derive(Debug)]
pub(super) struct Counter;

#[derive(Debug, Clone, strum::IntoStaticStr)]
pub(super) enum Command {
    Count(Uuid),
    /// Counts the counter whose number is the value of this counter.
    CountNext(Uuid),
    /// Has no effect on this counter.
    Nothing(Uuid),
    /// Counts this counter and starts a wave.
    Heal(Uuid),
}

/// A count, and whether it starts a wave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Counted(pub(super) Uuid, pub(super) bool);

impl From<&Counted> for &'static str {
    fn from(_: &Counted) -> Self {
        "Counted"
    }
}

type Counts = HashMap<Uuid, u32>;

/// Number of the counter that makes the decider panic.
pub(super) const POISON: u128 = 666;

/// The counter of this number.
pub(super) fn counter(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// The counter that [`Command::CountNext`] counts.
fn next(counts: &Counts, id: Uuid) -> Uuid {
    counter(counts.get(&id).copied().unwrap_or_default().into())
}

pub(super) fn stream_of(id: Uuid) -> StreamId {
    StreamId::new("count", id)
}

impl Decider for Counter {
    type State = Counts;
    type Command = Command;
    type Event = LogEvent<CounterEvent, Counted>;

    fn decide(counts: &Counts, command: &Command) -> Vec<Self::Event> {
        let id = match command {
            Command::Count(id) | Command::Heal(id) => *id,
            Command::CountNext(id) => next(counts, *id),
            Command::Nothing(_) => return vec![],
        };
        assert_ne!(id, counter(POISON), "no build can count this");
        let counted = LogEvent::Internal(Counted(id, matches!(command, Command::Heal(_))));
        match counts.get(&id) {
            Some(count) if count % 3 == 2 => {
                vec![counted, LogEvent::Public(Finished { counter: id.to_string() }.into())]
            }
            _ => vec![counted],
        }
    }

    fn evolve(mut counts: Counts, event: &Self::Event) -> Counts {
        if let LogEvent::Internal(Counted(id, _)) = event {
            *counts.entry(*id).or_default() += 1;
        }
        counts
    }
}

impl Service for Counter {
    type Public = CounterEvent;
    type Internal = Counted;
    type Intent = String;

    const CATEGORIES: &'static [&'static str] = &["count"];
    const REACTIONS: &'static [decider::Reaction<Command>] = &[];

    fn intent(event: &Self::Event) -> Option<String> {
        matches!(event, LogEvent::Public(_)).then(|| "call".to_owned())
    }

    fn streams(command: &Command, counts: &Counts) -> Vec<StreamId> {
        match command {
            Command::Count(id) | Command::Nothing(id) | Command::Heal(id) => vec![stream_of(*id)],
            Command::CountNext(id) => {
                let next = next(counts, *id);
                if next == *id { vec![stream_of(next)] } else { vec![stream_of(*id), stream_of(next)] }
            }
        }
    }

    fn stream_of(event: &Self::Event) -> Option<StreamId> {
        match event {
            LogEvent::Public(CounterEvent::Finished(event)) => Some(StreamId::new("count", &event.counter)),
            LogEvent::Internal(Counted(id, _)) => Some(stream_of(*id)),
        }
    }

    fn starts_wave(event: &Self::Event) -> bool {
        matches!(event, LogEvent::Internal(Counted(_, true)))
    }

    fn merge(parts: Vec<&Counts>) -> Counts {
        parts.into_iter().flatten().map(|(id, count)| (*id, *count)).collect()
    }

    fn status(_: &Counts) -> &'static str {
        "counted"
    }
}

/// One instance of the service on a store.
pub(super) struct Instance {
    pub(super) store: EventStore,
    cache: Cell<StreamCache<Counter>>,
    folder: Rc<tempfile::TempDir>,
}

impl Instance {
    pub(super) fn new() -> Self {
        Self::on(Rc::new(tempfile::tempdir().expect("a folder")))
    }

    /// Another instance on the same database.
    pub(super) fn another(&self) -> Self {
        Self::on(Rc::clone(&self.folder))
    }

    fn on(folder: Rc<tempfile::TempDir>) -> Self {
        let store = SqliteStore::open(&folder.path().join("test.db")).expect("the store opens");
        Self { store: EventStore::Sqlite(store), cache: Cell::default(), folder }
    }

    /// Empties the cache, as a restart does.
    pub(super) fn forget(&self) {
        self.cache.take();
    }

    pub(super) async fn run(&self, inputs: Vec<Input<Counter>>) -> Committed {
        self.run_at("2026-11-23T10:00:00.000001900Z", inputs).await
    }

    pub(super) async fn run_at(&self, now: &str, inputs: Vec<Input<Counter>>) -> Committed {
        let publish = PublishContext {
            spans: Spans::default(),
            retries: RetryPolicy { attempts_max: 3, backoff_max: Duration::from_secs(1) },
            dead_letter_topic: Some("counter.dlq".into()),
        };
        let mut batch = Batch::new(inputs, None, self.cache.take(), publish, now.parse().expect("a time"));
        loop {
            let (tried, result) = self.store.transact(batch).await;
            match result {
                Err(StoreError::Restart) => batch = tried,
                committed => {
                    self.cache.set(tried.reply());
                    return committed.expect("the commit succeeds");
                }
            }
        }
    }

    /// All public events.
    pub(super) async fn public(&self) -> Vec<LogEntry> {
        self.store.tail(0, 1000).await.expect("the log is readable").entries
    }

    /// Value of the counter of this number.
    pub(super) async fn count(&self, number: u128) -> u32 {
        let loaded = load_state::<Counter>(&self.store, &stream_of(counter(number)), AsOf::Latest).await;
        let (counts, _) = loaded.expect("the stream is readable");
        counts.get(&counter(number)).copied().unwrap_or_default()
    }
}

/// A command without a message id.
pub(super) fn count(number: u128) -> Input<Counter> {
    Input::Command(plain(Command::Count(counter(number))))
}

/// A command with a message id.
pub(super) fn message(number: u128, message: u128) -> Input<Counter> {
    let message = Some(Uuid::from_u128(message));
    Input::Command(CommandInput { message, ..plain(Command::Count(counter(number))) })
}

/// A command without cause, message id and reply.
pub(super) fn plain(command: Command) -> CommandInput<Counter> {
    let cause = Cause::default();
    let (message, answers, reply, span, wave, record) = (None, None, Reply::None, None, None, None);
    CommandInput { message, command, cause, answers, reply, span, wave, record }
}

pub(super) type DecisionReceiver = Receiver<Result<Decision<Counter>, Failure>>;

/// A command whose client waits for the state.
pub(super) fn request(number: u128, message: Option<u128>) -> (Input<Counter>, DecisionReceiver) {
    let (reply, decision) = oneshot::channel();
    let message = message.map(Uuid::from_u128);
    let command = plain(Command::Count(counter(number)));
    (Input::Command(CommandInput { message, reply: Reply::State(reply), ..command }), decision)
}
