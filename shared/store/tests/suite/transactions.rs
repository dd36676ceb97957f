//! Transactions: all or nothing, each message once, no update lost.

use std::{collections::BTreeSet, sync::mpsc::channel};

use jiff::Timestamp;
use store::{
    AsOf, Listing, Loaded, ProcessedMessages, Restart, Step, Store, StoreError, StreamRequest, StreamWrite, Writes,
};

use crate::fixture::{
    Fixture, Script, append, at, counted, event_id, fold, handle, intent, load, open_intents, record, said, second,
    seen, snapshot, stream, try_write, waiting, wanted, write,
};
use crate::parked::{coming_up, order, parked};

pub(crate) async fn what_is_asked_for_is_loaded_in_that_order(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![said(1)])).await;
    append(&store, || at("B", 0, vec![said(2)])).await;
    let mut steps = 0;
    let script = Script::new(vec![], move |loaded: Loaded| {
        let names: Vec<_> = loaded.streams.iter().map(|(stream, stored)| (stream.id(), fold(stored))).collect();
        steps += 1;
        match steps {
            1 => {
                assert_eq!(names, []);
                Ok(Step::Load(vec![wanted("B", 0), wanted("unknown", 0), wanted("A", 0)]))
            }
            2 => {
                assert_eq!(names, [("B", vec![2]), ("unknown", vec![]), ("A", vec![1])]);
                Ok(Step::Load(vec![wanted("A", 0)]))
            }
            _ => {
                assert_eq!(names, [("A", vec![1])]);
                assert_eq!(loaded.seen, ProcessedMessages::new(), "the inbox is for the first step");
                Ok(Step::Write(Writes::default()))
            }
        }
    });
    store.transact(script).await.1.expect("nothing is written");
}

/// What a transaction is told that asks for these streams.
async fn told<S: Store>(store: &S, wanted: impl Fn() -> Vec<StreamRequest> + Send + 'static) -> Vec<(u64, Vec<u64>)> {
    let (told, was_told) = channel();
    let mut asked = false;
    let script = Script::new(vec![], move |loaded: Loaded| {
        if !std::mem::replace(&mut asked, true) {
            return Ok(Step::Load(wanted()));
        }
        let streams = loaded.streams.iter().map(|(_, stored)| (stored.version, fold(stored))).collect::<Vec<_>>();
        told.send(streams).expect("somebody waits");
        Ok(Step::Write(Writes::default()))
    });
    store.transact(script).await.1.expect("nothing is written");
    was_told.recv().expect("it was told")
}

pub(crate) async fn of_a_stream_that_is_known_only_what_is_new_is_loaded(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![said(1), said(2), said(3)])).await;
    append(&store, || at("B", 0, vec![said(10)])).await;
    let known = || vec![wanted("A", 3), wanted("unknown", 0), wanted("B", 0)];
    assert_eq!(told(&store, known).await, [(3, vec![]), (0, vec![]), (1, vec![10])]);
    append(&store, || at("A", 3, vec![said(4)])).await;
    assert_eq!(told(&store, || vec![wanted("A", 4)]).await, [(4, vec![])]);
}

pub(crate) async fn what_somebody_else_appended_is_new(database: impl Fixture) {
    let (store, other) = (database.open().await, database.open().await);
    append(&store, || at("A", 0, vec![said(1), said(2)])).await;
    append(&store, || at("B", 0, vec![said(10)])).await;
    append(&other, || at("A", 2, vec![said(3)])).await;
    append(&other, || at("B", 1, vec![said(20)])).await;
    assert_eq!(told(&store, || vec![wanted("A", 2)]).await, [(3, vec![3])]);
    assert_eq!(told(&store, || vec![wanted("A", 3), wanted("B", 1)]).await, [(3, vec![]), (2, vec![20])], "later too");
}

pub(crate) async fn several_streams_are_written_together(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![said(1)])).await;
    let streams = || vec![at("A", 1, vec![said(2), said(3)]), at("B", 0, vec![said(10)]), at("C", 0, vec![said(20)])];
    write(&store, move || Writes { streams: streams(), ..Writes::default() }).await;
    assert_eq!(fold(&load(&store, "A").await), [1, 2, 3]);
    assert_eq!(fold(&load(&store, "B").await), [10]);
    assert_eq!(fold(&load(&store, "C").await), [20]);
}

async fn conflict<S: Store>(store: &S, name: &'static str, expected_version: u64) {
    let writes = move || Writes { streams: vec![at(name, expected_version, vec![said(9)])], ..Writes::default() };
    match try_write(store, writes).await {
        Err(StoreError::Conflict { stream: conflicting, expected }) => {
            assert_eq!((conflicting, expected), (stream(name), expected_version));
        }
        other => panic!("{name} at version {expected_version}: a conflict is expected, not {other:?}"),
    }
}

pub(crate) async fn a_write_at_another_version_is_a_conflict(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![said(1), said(2)])).await;
    conflict(&store, "A", 1).await;
    conflict(&store, "A", 3).await;
    conflict(&store, "unknown", 1).await;
    assert_eq!(fold(&load(&store, "A").await), [1, 2]);
}

pub(crate) async fn a_second_beginning_of_a_stream_is_a_conflict(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![said(1), said(2)])).await;
    conflict(&store, "A", 0).await;
}

/// Writes of every kind.
fn everything() -> Writes {
    Writes {
        streams: vec![at("new", 0, vec![said(1)]), StreamWrite { due: Some(second(1)), ..at("due", 0, vec![said(1)]) }],
        outbox: vec![record("new")],
        intents: vec![intent(1)],
        answered: vec![event_id(77)],
        published: vec![1],
        parked: vec![parked(order(1), 1, 0)],
        rescheduled: vec![],
        resolved: vec![1],
    }
}

/// A database in which [`everything`] would change something, a way to fail, and what must be as it was.
async fn leaves_nothing<S: Store>(store: &S, step: impl FnMut(Loaded) -> Result<Step, Restart> + Send + 'static) {
    let before = write(store, || Writes {
        streams: vec![at("known", 0, vec![said(1)])],
        outbox: vec![record("known")],
        intents: vec![intent(77)],
        parked: vec![parked(order(2), 2, 0)],
        ..Writes::default()
    })
    .await;
    assert_eq!(before.outbox[0].position, 1, "what `everything` wants forgotten");

    let message = [*seen(&[1]).iter().next().expect("one")].to_vec();
    store.transact(Script::new(message, step)).await.1.expect_err("fails");

    assert_eq!(fold(&load(store, "known").await), [1]);
    assert_eq!(load(store, "new").await.version, 0);
    let listing = Listing { category: "counter", status: None, before: None, limit: 10 };
    assert_eq!(store.list(listing).await.expect("lists").heads.len(), 1);
    assert_eq!(store.due(Timestamp::MAX, 10).await.expect("reads"), []);
    assert_eq!(waiting(store).await, ["known"]);
    assert_eq!(open_intents(store).await, [event_id(77)]);
    assert_eq!(coming_up(store, 0).await, [2]);
    assert_eq!(handle(store, &[1], Writes::default).await, ProcessedMessages::new(), "the message was not handled");
    // And the store goes on.
    write(store, everything).await;
    assert_eq!(waiting(store).await, ["new"]);
    assert_eq!(open_intents(store).await, [event_id(1)]);
    assert_eq!(coming_up(store, 0).await, [1]);
}

pub(crate) async fn a_conflict_leaves_nothing(database: impl Fixture) {
    leaves_nothing(&database.open().await, |_| {
        let mut writes = everything();
        writes.streams.push(at("known", 7, vec![said(2)]));
        Ok(Step::Write(writes))
    })
    .await;
}

pub(crate) async fn a_failed_step_leaves_nothing(database: impl Fixture) {
    leaves_nothing(&database.open().await, |_| Err(Restart)).await;
}

/// The last of the writes fails: there is one intent for an event, so the second is refused.
pub(crate) async fn a_failed_write_leaves_nothing(database: impl Fixture) {
    leaves_nothing(&database.open().await, |_| {
        let mut writes = everything();
        writes.intents.push(intent(1));
        Ok(Step::Write(writes))
    })
    .await;
}

pub(crate) async fn a_failed_transaction_is_given_back_and_can_be_tried_again(database: impl Fixture) {
    let store = database.open().await;
    let mut attempts = 0;
    let script = Script::new(vec![uuid::Uuid::from_u128(1)], move |_| {
        attempts += 1;
        if attempts == 1 { Err(Restart) } else { Ok(Step::Write(everything())) }
    });
    let (script, result) = store.transact(script).await;
    assert!(matches!(result, Err(StoreError::Restart)), "{result:?}");
    let (script, result) = store.transact(script).await;
    assert_eq!(result.expect("is written").outbox.len(), 1);
    assert_eq!(script.seen, Some(ProcessedMessages::new()), "the first attempt left no trace in the inbox");
}

pub(crate) async fn a_message_is_seen_when_it_was_handled_before(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(handle(&store, &[1, 2], everything).await, ProcessedMessages::new());
    assert_eq!(handle(&store, &[2, 3, 1], Writes::default).await, seen(&[1, 2]));
    assert_eq!(handle(&store, &[3], Writes::default).await, seen(&[3]), "handled without writing anything");
    assert_eq!(handle(&store, &[], Writes::default).await, ProcessedMessages::new());
}

pub(crate) async fn a_message_is_seen_after_a_reopening(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(handle(&store, &[1], Writes::default).await, ProcessedMessages::new());
    drop(store);
    assert_eq!(handle(&database.open().await, &[1, 2], Writes::default).await, seen(&[1]));
}

pub(crate) async fn a_message_of_a_failed_transaction_was_not_handled(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(handle(&store, &[1], Writes::default).await, ProcessedMessages::new());
    let messages = seen(&[1, 2]).into_iter().collect();
    let (script, result) = store.transact(Script::new(messages, |_| Err(Restart))).await;
    result.expect_err("fails");
    assert_eq!(script.seen, Some(seen(&[1])));
    assert_eq!(handle(&store, &[1, 2], Writes::default).await, seen(&[1]));
}

/// Each reads a counter and writes the next number. Whoever read what another has changed since must not succeed.
pub(crate) async fn concurrent_transactions_lose_no_update(database: impl Fixture) {
    const TASKS: u64 = 8;
    const EACH: u64 = 25;
    let store = database.open().await;
    let increment = || {
        Script::new(vec![], |loaded: Loaded| {
            let Some((stream, stored)) = loaded.streams.first() else { return Ok(Step::Load(vec![wanted("A", 0)])) };
            assert_eq!(stream.id(), "A");
            let next = fold(stored).last().map_or(1, |last| last + 1);
            let streams = vec![at("A", stored.version, vec![said(next)])];
            Ok(Step::Write(Writes { streams, outbox: vec![record("counted")], ..Writes::default() }))
        })
    };
    let tasks = (0..TASKS).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut positions = vec![];
            for _ in 0..EACH {
                let committed = store.transact(increment()).await.1.expect("transactions wait for each other");
                positions.extend(committed.outbox.iter().map(|row| row.position));
            }
            positions
        })
    });
    let mut positions = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        positions.extend(task.await.expect("succeeds"));
    }
    assert_eq!(fold(&load(&store, "A").await), counted(TASKS * EACH));
    assert_eq!(positions.len() as u64, TASKS * EACH, "everybody has a position of their own");
    assert_eq!(store.outbox_len().await.expect("reads"), TASKS * EACH);
}

pub(crate) async fn reopening_keeps_everything(database: impl Fixture) {
    let store = database.open().await;
    write(&store, || Writes { published: vec![], ..everything() }).await;
    append(&store, || StreamWrite { snapshot: Some(snapshot(2, &[1, 2])), ..at("new", 1, vec![said(2)]) }).await;
    write(&store, || Writes {
        streams: vec![at("new", 2, vec![said(3)])],
        outbox: vec![record("R")],
        ..Writes::default()
    })
    .await;
    let before = all_there_is(&store).await;
    drop(store);
    let store = database.open().await;
    assert_eq!(all_there_is(&store).await, before);
    assert_eq!(fold(&load(&store, "new").await), [1, 2, 3]);
    assert_eq!(waiting(&store).await, ["new", "R"]);
    assert_eq!(open_intents(&store).await, [event_id(1)]);
}

async fn all_there_is<S: Store>(store: &S) -> String {
    let mut all = vec![];
    for name in ["new", "due"] {
        all.push(format!("{:?}", load(store, name).await));
        all.push(format!("{:?}", store.load(stream(name), AsOf::Version(1)).await.expect("loads")));
        all.push(format!("{:?}", store.history(stream(name), 0, 10).await.expect("reads")));
    }
    let listing = Listing { category: "counter", status: None, before: None, limit: 10 };
    all.push(format!("{:?}", store.list(listing).await.expect("lists")));
    all.push(format!("{:?}", store.outbox(0, 10).await.expect("reads")));
    all.push(format!("{:?}", store.intents(0, 10).await.expect("reads")));
    all.push(format!("{:?}", store.due(Timestamp::MAX, 10).await.expect("reads")));
    all.join("\n")
}

/// That it is before the commit is seen by the crash test.
pub(crate) async fn what_is_written_is_told_before_it_is_committed(database: impl Fixture) {
    let store = database.open().await;
    let writes = || Writes { outbox: vec![record("one"), record("two")], ..Writes::default() };
    let (script, result) = store.transact(Script::new(vec![], move |_| Ok(Step::Write(writes())))).await;
    result.expect("is written");
    assert_eq!(*script.commits.lock().expect("is free"), [record("one").topic, record("two").topic]);
}
