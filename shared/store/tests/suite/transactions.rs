//! Transactions: atomicity, deduplication and concurrency.

use std::{collections::BTreeSet, sync::mpsc::channel};

use jiff::Timestamp;
use store::{AsOf, Listing, Loaded, Restart, Step, Store, StoreError, StreamRequest, StreamWrite, Writes};

use crate::fixture::numbered;
use crate::fixture::{
    Fixture, Script, append, at, calls, counted, dead_letter, event_id, fold, ids, intent, load, message_ids,
    open_intents, public, public_numbers, request, second, snapshot, stream, try_write, unpublished_letters, write,
};
use crate::parked::{due_offsets, ordering_key, parked};

pub(crate) async fn requested_streams_load_in_the_requested_order(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    append(&store, || at("B", 0, vec![numbered(2)])).await;
    let mut steps = 0;
    let script = Script::new(move |loaded: Loaded| {
        let names: Vec<_> = loaded.streams.iter().map(|(stream, stored)| (stream.id(), fold(stored))).collect();
        steps += 1;
        match steps {
            1 => {
                assert_eq!(names, []);
                Ok(Step::Load(vec![request("B", 0), request("unknown", 0), request("A", 0)]))
            }
            2 => {
                assert_eq!(names, [("B", vec![2]), ("unknown", vec![]), ("A", vec![1])]);
                Ok(Step::Load(vec![request("A", 0)]))
            }
            _ => {
                assert_eq!(names, [("A", vec![1])]);
                Ok(Step::Write(Writes::default()))
            }
        }
    });
    store.transact(script).await.1.expect("commits");
}

/// Loads streams in a transaction and returns their versions and loaded numbers.
async fn loaded<S: Store>(
    store: &S,
    requests: impl Fn() -> Vec<StreamRequest> + Send + 'static,
) -> Vec<(u64, Vec<u64>)> {
    let (sender, receiver) = channel();
    let mut is_requested = false;
    let script = Script::new(move |loaded: Loaded| {
        if !std::mem::replace(&mut is_requested, true) {
            return Ok(Step::Load(requests()));
        }
        let streams = loaded.streams.iter().map(|(_, stored)| (stored.version, fold(stored))).collect::<Vec<_>>();
        sender.send(streams).expect("the receiver exists");
        Ok(Step::Write(Writes::default()))
    });
    store.transact(script).await.1.expect("commits");
    receiver.recv().expect("the second step ran")
}

pub(crate) async fn known_stream_loads_only_new_events(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1), numbered(2), numbered(3)])).await;
    append(&store, || at("B", 0, vec![numbered(10)])).await;
    let known = || vec![request("A", 3), request("unknown", 0), request("B", 0)];
    assert_eq!(loaded(&store, known).await, [(3, vec![]), (0, vec![]), (1, vec![10])]);
    append(&store, || at("A", 3, vec![numbered(4)])).await;
    assert_eq!(loaded(&store, || vec![request("A", 4)]).await, [(4, vec![])]);
}

/// The snapshot contains a number that no event has, so the numbers show what was read.
pub(crate) async fn request_skips_the_snapshot_when_asked(database: impl Fixture) {
    let store = database.open().await;
    let wrong = || StreamWrite { snapshot: Some(snapshot(2, &[99])), ..at("A", 0, vec![numbered(1), numbered(2)]) };
    append(&store, wrong).await;
    append(&store, || at("A", 2, vec![numbered(3)])).await;
    // Another process, to which the whole stream is new.
    let other = database.open().await;
    assert_eq!(loaded(&other, || vec![request("A", 0)]).await, [(3, vec![99, 3])]);
    let all = || vec![StreamRequest { skip_snapshot: true, ..request("A", 0) }];
    assert_eq!(loaded(&other, all).await, [(3, vec![1, 2, 3])]);
}

pub(crate) async fn events_of_another_writer_are_new(database: impl Fixture) {
    let (store, other) = (database.open().await, database.open().await);
    append(&store, || at("A", 0, vec![numbered(1), numbered(2)])).await;
    append(&store, || at("B", 0, vec![numbered(10)])).await;
    append(&other, || at("A", 2, vec![numbered(3)])).await;
    append(&other, || at("B", 1, vec![numbered(20)])).await;
    assert_eq!(loaded(&store, || vec![request("A", 2)]).await, [(3, vec![3])]);
    assert_eq!(
        loaded(&store, || vec![request("A", 3), request("B", 1)]).await,
        [(3, vec![]), (2, vec![20])],
        "also later"
    );
}

pub(crate) async fn several_streams_are_written_together(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    let streams = || {
        vec![at("A", 1, vec![numbered(2), numbered(3)]), at("B", 0, vec![numbered(10)]), at("C", 0, vec![numbered(20)])]
    };
    write(&store, move || Writes { streams: streams(), ..Writes::default() }).await;
    assert_eq!(fold(&load(&store, "A").await), [1, 2, 3]);
    assert_eq!(fold(&load(&store, "B").await), [10]);
    assert_eq!(fold(&load(&store, "C").await), [20]);
}

async fn conflict<S: Store>(store: &S, name: &'static str, expected_version: u64) {
    let writes = move || Writes { streams: vec![at(name, expected_version, vec![numbered(9)])], ..Writes::default() };
    match try_write(store, writes).await {
        Err(StoreError::Conflict { stream: conflicting, expected }) => {
            assert_eq!((conflicting, expected), (stream(name), expected_version));
        }
        other => panic!("{name} at version {expected_version}: expected a conflict, got {other:?}"),
    }
}

pub(crate) async fn write_at_another_version_conflicts(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1), numbered(2)])).await;
    conflict(&store, "A", 1).await;
    conflict(&store, "A", 3).await;
    conflict(&store, "unknown", 1).await;
    assert_eq!(fold(&load(&store, "A").await), [1, 2]);
}

pub(crate) async fn creating_an_existing_stream_conflicts(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1), numbered(2)])).await;
    conflict(&store, "A", 0).await;
}

/// Writes of every kind.
fn everything() -> Writes {
    let due = StreamWrite { due: Some(second(1)), ..at("due", 0, vec![public(2, 1)]) };
    let mut writes = calls("new", 0, &[1]);
    writes.streams.push(due);
    Writes {
        answered: vec![1],
        cursor: Some(1),
        dead_letters: vec![dead_letter(1, "new")],
        redriven: ids(&[2]).into_iter().collect(),
        parked: vec![parked(ordering_key(1), 1, 0)],
        resolved: vec![1],
        ..writes
    }
}

/// Fails a transaction in a database in which [`everything`] would change something, and checks that nothing changed.
async fn assert_rolls_back<S: Store>(store: &S, step: impl FnMut(Loaded) -> Result<Step, Restart> + Send + 'static) {
    let before = write(store, || {
        let mut writes = calls("call", 0, &[77]);
        writes.streams.push(at("known", 0, vec![public(1, 1)]));
        Writes { dead_letters: vec![dead_letter(2, "known")], parked: vec![parked(ordering_key(2), 2, 0)], ..writes }
    })
    .await;
    assert_eq!(before.intents[0].position, 1, "`everything` closes the call of this position");

    store.transact(Script::new(step)).await.1.expect_err("fails");

    assert_eq!(fold(&load(store, "known").await), [1]);
    assert_eq!((load(store, "new").await.version, load(store, "new").await.head), (0, None));
    let listing = Listing { category: "counter", status: None, before: None, limit: 10 };
    assert_eq!(store.list(listing).await.expect("lists").heads.len(), 2);
    assert_eq!(store.due(Timestamp::MAX, 10).await.expect("reads"), []);
    assert_eq!((store.cursor().await.expect("reads"), public_numbers(store, 0).await), (0, vec!["1".to_owned()]));
    assert_eq!(unpublished_letters(store).await, [(2, "known".to_owned())]);
    assert_eq!(open_intents(store).await, [event_id(77)]);
    assert_eq!(due_offsets(store, 0).await, [2]);
    // The store still works.
    write(store, everything).await;
    assert_eq!((store.cursor().await.expect("reads"), public_numbers(store, 0).await.len()), (1, 2));
    assert_eq!(unpublished_letters(store).await, [(1, "new".to_owned())]);
    assert_eq!(open_intents(store).await, [event_id(1)]);
    assert_eq!(due_offsets(store, 0).await, [1]);
}

pub(crate) async fn conflict_rolls_back_everything(database: impl Fixture) {
    assert_rolls_back(&database.open().await, |_| {
        let mut writes = everything();
        writes.streams.push(at("known", 7, vec![numbered(2)]));
        Ok(Step::Write(writes))
    })
    .await;
}

pub(crate) async fn failed_step_rolls_back_everything(database: impl Fixture) {
    assert_rolls_back(&database.open().await, |_| Err(Restart)).await;
}

/// The last of the writes fails, because an event has at most one intent.
pub(crate) async fn failed_write_rolls_back_everything(database: impl Fixture) {
    assert_rolls_back(&database.open().await, |_| {
        let mut writes = everything();
        writes.intents.push(intent(1));
        Ok(Step::Write(writes))
    })
    .await;
}

pub(crate) async fn failed_transaction_is_returned_for_a_retry(database: impl Fixture) {
    let store = database.open().await;
    let mut attempts = 0;
    let script = Script::new(move |_| {
        attempts += 1;
        if attempts == 1 { Err(Restart) } else { Ok(Step::Write(everything())) }
    });
    let (script, result) = store.transact(script).await;
    assert!(matches!(result, Err(StoreError::Restart)), "{result:?}");
    let (_, result) = store.transact(script).await;
    let streams = result.expect("writes").streams;
    assert_eq!(streams.iter().map(|write| write.stream.id()).collect::<Vec<_>>(), ["new", "due"]);
}

pub(crate) async fn message_of_a_failed_transaction_is_not_processed(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    let mut attempt = at("A", 1, vec![]);
    attempt.head.processed = message_ids(&[1]);
    let mut attempts = vec![at("unknown", 1, vec![]), attempt];
    let script =
        Script::new(move |_| Ok(Step::Write(Writes { streams: std::mem::take(&mut attempts), ..Writes::default() })));
    store.transact(script).await.1.expect_err("one stream conflicts");
    assert_eq!(load(&store, "A").await.head.expect("exists").processed, message_ids(&[]));
}

/// Each transaction reads a counter and writes the next number. A transaction with an outdated read must not succeed.
pub(crate) async fn concurrent_transactions_lose_no_update(database: impl Fixture) {
    const TASKS: u64 = 8;
    const EACH: u64 = 25;
    let store = database.open().await;
    let increment = || {
        Script::new(|loaded: Loaded| {
            let Some((stream, stored)) = loaded.streams.first() else { return Ok(Step::Load(vec![request("A", 0)])) };
            assert_eq!(stream.id(), "A");
            let next = fold(stored).last().map_or(1, |last| last + 1);
            let streams = vec![at("A", stored.version, vec![public(next, next)])];
            Ok(Step::Write(Writes { streams, ..Writes::default() }))
        })
    };
    let tasks = (0..TASKS).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut positions = vec![];
            for _ in 0..EACH {
                let committed = store.transact(increment()).await.1.expect("transactions are serialized");
                positions.extend(committed.events().map(|(position, ..)| position));
            }
            positions
        })
    });
    let mut positions = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        positions.extend(task.await.expect("succeeds"));
    }
    assert_eq!(fold(&load(&store, "A").await), counted(TASKS * EACH));
    assert_eq!(positions.len() as u64, TASKS * EACH, "positions are unique");
    assert_eq!(store.unpublished().await.expect("reads").count, TASKS * EACH);
}

pub(crate) async fn reopening_keeps_everything(database: impl Fixture) {
    let store = database.open().await;
    write(&store, || Writes { answered: vec![], resolved: vec![], ..everything() }).await;
    append(&store, || StreamWrite { snapshot: Some(snapshot(2, &[1, 2])), ..at("new", 1, vec![public(2, 1)]) }).await;
    append(&store, || at("new", 2, vec![public(3, 2)])).await;
    let before = dump(&store).await;
    drop(store);
    let store = database.open().await;
    assert_eq!(dump(&store).await, before);
    assert_eq!(fold(&load(&store, "new").await), [1, 2, 3]);
    assert_eq!(public_numbers(&store, 0).await, ["2", "2", "3"]);
    assert_eq!(open_intents(&store).await, [event_id(1)]);
    assert_eq!((unpublished_letters(&store).await.len(), due_offsets(&store, 0).await.len()), (1, 1));
}

async fn dump<S: Store>(store: &S) -> String {
    let mut all = vec![];
    for name in ["new", "due"] {
        all.push(format!("{:?}", load(store, name).await));
        all.push(format!("{:?}", store.load(stream(name), AsOf::Version(1)).await.expect("loads")));
        all.push(format!("{:?}", store.history(stream(name), 0, 10).await.expect("reads")));
    }
    let listing = Listing { category: "counter", status: None, before: None, limit: 10 };
    all.push(format!("{:?}", store.list(listing).await.expect("lists")));
    all.push(format!("{:?}", store.tail(0, 10).await.expect("reads")));
    all.push(format!("{:?}", store.cursor().await.expect("reads")));
    all.push(format!("{:?}", store.unpublished().await.expect("reads")));
    all.push(format!("{:?}", store.intents(0, 10).await.expect("reads")));
    all.push(format!("{:?}", store.dead_letters(10).await.expect("reads")));
    all.push(format!("{:?}", store.parked(Timestamp::MAX, 10).await.expect("reads")));
    all.push(format!("{:?}", store.due(Timestamp::MAX, 10).await.expect("reads")));
    all.join("\n")
}

/// The crash tests prove that this happens before the commit.
pub(crate) async fn writes_are_observed_before_commit(database: impl Fixture) {
    let store = database.open().await;
    let (script, result) = store.transact(Script::new(move |_| Ok(Step::Write(everything())))).await;
    result.expect("writes");
    assert_eq!(*script.observed.lock().expect("not poisoned"), (vec![stream("new"), stream("due")], 1));
}
