//! Gaps in the log of PostgreSQL: blocks of positions that a transaction has taken and not committed.

use std::{sync::mpsc, time::Duration};

use store::{Committed, Loaded, PostgresStore, Step, Store, StoreError, StoredEvent, Writes};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::Client;

use crate::{
    fixture::{
        Script, append, at, calls, event_id, numbered, open_intents, public, public_numbers, request, try_write, write,
    },
    postgres::PostgresDatabase,
};

/// Number of positions in a block, and the maximum number of events of a transaction.
const BLOCK_LEN: u64 = 65_536;
/// Time after which a reader is considered to wait.
const SHORTLY: Duration = Duration::from_millis(300);
/// The `idle_in_transaction_session_timeout` of the store.
const WRITER_TIMEOUT: Duration = Duration::from_secs(3);
/// Time for anything else on a loaded machine.
const TOLERANCE: Duration = Duration::from_secs(5);
/// The advisory lock of transactions that may append.
const LOG_LOCK: i64 = 0x6f72_6465_7202;

/// Begins a transaction that takes a block of positions, like one of the store.
async fn begin_in_next_block(session: &Client) {
    session.batch_execute("BEGIN").await.expect("begins");
    session.execute("SELECT pg_advisory_xact_lock_shared($1)", &[&LOG_LOCK]).await.expect("locks");
    session.execute("SELECT nextval('log_block')", &[]).await.expect("takes a block");
}

/// Appends a public event with this number to the stream of another transaction, in the block of this one.
async fn insert_event(session: &Client, number: u64) {
    let insert = format!(
        "INSERT INTO events
         SELECT (currval('log_block') << 16) + 1, id, 100, gen_random_uuid(), 'Counted', '2026-11', '{number}', now(),
                gen_random_uuid(), NULL, 100, 0, ''
         FROM streams WHERE name = 'counter-A'"
    );
    assert_eq!(session.execute(&insert, &[]).await.expect("inserts"), 1);
}

async fn append_number(store: &PostgresStore, number: u64) {
    append(store, move || at("A", number - 1, vec![public(number, number)])).await;
}

/// Starts a transaction that appends an event to stream `A`, and waits until it has locked the stream. It continues after a
/// message. `event` is called with the next version.
fn paused_writer(
    store: PostgresStore,
    event: impl Fn(u64) -> StoredEvent + Send + 'static,
) -> (JoinHandle<Result<Committed, StoreError>>, mpsc::Sender<()>) {
    let (paused_sender, paused) = mpsc::channel();
    let (resume, resume_receiver) = mpsc::channel::<()>();
    let script = Script::new(move |loaded: Loaded| {
        let Some((_, stored)) = loaded.streams.first() else { return Ok(Step::Load(vec![request("A", 0)])) };
        paused_sender.send(()).expect("the test waits");
        tokio::task::block_in_place(|| resume_receiver.recv().expect("the test continues"));
        let streams = vec![at("A", stored.version, vec![event(stored.version + 1)])];
        Ok(Step::Write(Writes { streams, ..Writes::default() }))
    });
    let task = tokio::spawn(async move { store.transact(script).await.1 });
    tokio::task::block_in_place(|| paused.recv().expect("the transaction has locked the stream"));
    (task, resume)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_waits_for_an_earlier_block_until_its_commit() {
    let database = PostgresDatabase::new().await;
    let (store, session) = (database.store().await, database.session().await);
    append_number(&store, 1).await;
    begin_in_next_block(&session).await;
    insert_event(&session, 9).await;
    append_number(&store, 2).await;
    write(&store, || calls("B", 0, &[3])).await;

    let page = store.tail(0, 10).await.expect("reads");
    assert_eq!((page.entries.len(), &*page.entries[0].event.data), (1, "1"), "the page ends before the gap");
    timeout(SHORTLY, store.tail(page.through, 10)).await.expect_err("the reader waits");
    timeout(SHORTLY, store.intents(page.through, 10)).await.expect_err("the reader waits");
    session.batch_execute("COMMIT").await.expect("commits");
    assert_eq!(public_numbers(&store, page.through).await, ["9", "2"]);
    assert_eq!(public_numbers(&store, 0).await, ["1", "9", "2"]);
    assert_eq!(open_intents(&store).await, [event_id(3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_reader_continues_when_the_block_is_lost() {
    let database = PostgresDatabase::new().await;
    let (store, session) = (database.store().await, database.session().await);
    append_number(&store, 1).await;
    begin_in_next_block(&session).await;
    insert_event(&session, 9).await;
    append_number(&store, 2).await;
    let after = store.tail(0, 10).await.expect("reads").through;
    let reader = tokio::spawn({
        let store = store.clone();
        async move { public_numbers(&store, after).await }
    });
    sleep(SHORTLY).await;
    assert!(!reader.is_finished());
    session.batch_execute("ROLLBACK").await.expect("rolls back");
    assert_eq!(timeout(TOLERANCE, reader).await.expect("the reader continues").expect("runs"), ["2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_blocks_are_skipped_at_once() {
    let database = PostgresDatabase::new().await;
    let (store, session) = (database.store().await, database.session().await);
    for number in 1..=5 {
        for _ in 0..number {
            begin_in_next_block(&session).await;
            session.batch_execute("ROLLBACK").await.expect("rolls back");
        }
        append_number(&store, number).await;
    }
    let page = timeout(TOLERANCE, store.tail(0, 10)).await.expect("does not wait").expect("reads");
    assert_eq!(page.entries.len(), 5, "one page has all, although there are gaps");
    assert_eq!(store.tail(page.through, 10).await.expect("reads").through, page.through);
}

/// Also at the end of a block that is not full, after which the positions up to the next block do not exist.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_of_complete_blocks_does_not_wait_for_writers() {
    let database = PostgresDatabase::new().await;
    let (store, session) = (database.store().await, database.session().await);
    append_number(&store, 1).await;
    append(&store, || at("A", 1, vec![public(2, 2), public(3, 3)])).await;
    begin_in_next_block(&session).await;
    append_number(&store, 4).await;
    let (mut after, mut numbers) = (0, vec![]);
    for _ in 0..3 {
        let page = timeout(TOLERANCE, store.tail(after, 1)).await.expect("does not wait").expect("reads");
        numbers.extend(page.entries.into_iter().map(|entry| entry.event.data));
        after = page.through;
    }
    assert_eq!(numbers, ["1", "2", "3"]);
    session.batch_execute("ROLLBACK").await.expect("rolls back");
    assert_eq!(public_numbers(&store, after).await, ["4"]);
}

/// A reader is not delayed forever by writers that begin one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reader_does_not_wait_for_later_writers() {
    let database = PostgresDatabase::new().await;
    let (store, first, second) = (database.store().await, database.session().await, database.session().await);
    begin_in_next_block(&first).await;
    append_number(&store, 1).await;
    let reader = tokio::spawn({
        let store = store.clone();
        async move { store.tail(0, 10).await.expect("reads") }
    });
    sleep(SHORTLY).await;
    begin_in_next_block(&second).await;
    append_number(&store, 2).await;
    assert!(!reader.is_finished());
    first.batch_execute("ROLLBACK").await.expect("rolls back");
    let page = timeout(TOLERANCE, reader).await.expect("the reader continues").expect("runs");
    assert_eq!(page.entries.iter().map(|entry| &*entry.event.data).collect::<Vec<_>>(), ["1"]);
    timeout(SHORTLY, store.tail(page.through, 10)).await.expect_err("the second gap is open");
    second.batch_execute("COMMIT").await.expect("commits");
    assert_eq!(public_numbers(&store, page.through).await, ["2"]);
}

/// The server ends the session of a suspended instance. Readers continue, and the block is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_writer_delays_readers_by_a_bounded_time() {
    let database = PostgresDatabase::new().await;
    let (store, session) = (database.store().await, database.session().await);
    let setting = format!("SET idle_in_transaction_session_timeout = '{}s'", WRITER_TIMEOUT.as_secs());
    session.batch_execute(&setting).await.expect("sets");
    let started = Instant::now();
    begin_in_next_block(&session).await;
    append_number(&store, 1).await;
    assert_eq!(public_numbers(&store, 0).await, ["1"]);
    let delay = started.elapsed();
    assert!(delay + SHORTLY >= WRITER_TIMEOUT && delay < WRITER_TIMEOUT + TOLERANCE, "{delay:?}");
}

/// Proves that the sessions of the store have the timeout on which readers rely.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn paused_transaction_holds_its_locks_for_a_bounded_time() {
    let database = PostgresDatabase::new().await;
    let (store, other) = (database.store().await, database.store().await);
    append_number(&store, 1).await;
    let (task, resume) = paused_writer(store, |_| numbered(9));
    let started = Instant::now();
    append_number(&other, 2).await;
    let delay = started.elapsed();
    assert!(delay + SHORTLY >= WRITER_TIMEOUT && delay < WRITER_TIMEOUT + TOLERANCE, "{delay:?}");
    resume.send(()).expect("the transaction waits");
    let error = task.await.expect("runs").expect_err("the server has ended the session");
    assert!(!error.is_permanent(), "{error}");
    assert_eq!(public_numbers(&other, 0).await, ["1", "2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn positions_of_a_stream_grow_when_an_early_writer_is_late() {
    let database = PostgresDatabase::new().await;
    let (store, other) = (database.store().await, database.store().await);
    append_number(&store, 1).await;
    let (early, finish) = paused_writer(store, |next| public(next, next));
    let between = append(&other, || at("B", 0, vec![public(9, 1)])).await.range.expect("appended");
    finish.send(()).expect("the transaction waits");
    let early = early.await.expect("runs").expect("commits").range.expect("appended");
    let late = append(&other, || at("A", 2, vec![public(3, 3)])).await.range.expect("appended");
    assert!(between.through <= early.after && early.through <= late.after, "{between:?} {early:?} {late:?}");
    assert_eq!(public_numbers(&other, 0).await, ["1", "9", "2", "3"]);
}

#[tokio::test]
async fn transaction_has_at_most_one_block_of_events() {
    let database = PostgresDatabase::new().await;
    let store = database.store().await;
    let events = |count| (1..=count).map(numbered).collect::<Vec<_>>();
    let too_many = move || Writes { streams: vec![at("A", 0, events(BLOCK_LEN + 1))], ..Writes::default() };
    let error = try_write(&store, too_many).await.expect_err("fails");
    assert!(matches!(error, StoreError::TooManyEvents(_)) && error.is_permanent(), "{error}");
    let range = append(&store, move || at("A", 0, events(BLOCK_LEN))).await.range.expect("appended");
    append(&store, || at("A", BLOCK_LEN, vec![public(1, 1)])).await;
    let entry = store.tail(0, 10).await.expect("reads").entries.remove(0);
    assert_eq!(entry.position, range.through + 1);
}

/// A reader that continues from the end of its last page misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_reader_of_the_log_misses_nothing() {
    const INSTANCES: u64 = 4;
    const EACH: u64 = 40;
    let database = PostgresDatabase::new().await;
    let mut tasks = vec![];
    for instance in 0..INSTANCES {
        let store = database.store().await;
        tasks.push(tokio::spawn(async move {
            for number in (1..=EACH).map(|number| instance * EACH + number) {
                write(&store, move || {
                    let mut writes = calls(&format!("call-{number}"), 0, &[number]);
                    writes.streams.push(at(&format!("{number}"), 0, vec![public(number, 1), public(number, 2)]));
                    writes
                })
                .await;
            }
        }));
    }
    let reader = database.store().await;
    let (mut events, mut intents, mut after, mut after_intent) = (vec![], vec![], 0, 0);
    let all = async {
        while events.len() as u64 != 2 * INSTANCES * EACH || intents.len() as u64 != INSTANCES * EACH {
            let page = reader.tail(after, 7).await.expect("reads");
            events.extend(page.entries.iter().map(|entry| entry.position));
            after = page.through;
            let page = reader.intents(after_intent, 7).await.expect("reads");
            intents.extend(page.intents.iter().map(|open| open.position));
            after_intent = page.through;
        }
    };
    timeout(Duration::from_mins(1), all).await.expect("the reader reads all events");
    assert!(events.is_sorted_by(|one, next| one < next) && intents.is_sorted_by(|one, next| one < next));
    for task in tasks {
        task.await.expect("succeeds");
    }
}
