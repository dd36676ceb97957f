//! Several independent instances on one PostgreSQL database.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use store::{Committed, Leadership, Loaded, PostgresStore, Step, Store, StoreError, Writes};
use tokio::time::timeout;

use crate::{
    fixture::{Script, append, at, counted, fold, handle, intent, load, numbered, processed, record, request, write},
    postgres::PostgresDatabase,
};

/// Longer than any step takes on a loaded machine; a transaction that waits forever fails.
const TIMEOUT: Duration = Duration::from_mins(1);

async fn within_timeout<T>(expected: &str, future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future).await.unwrap_or_else(|_| panic!("not within {TIMEOUT:?}: {expected}"))
}

/// Increments each of these counters. With `late` it loads the first alone and then the others, like a service that learns
/// from one stream which others it needs.
async fn count(store: &PostgresStore, names: &'static [&'static str], late: bool) -> Result<Committed, StoreError> {
    let mut known: Vec<(&str, u64, u64)> = vec![];
    let script = Script::new(vec![], move |loaded: Loaded| {
        if loaded.streams.is_empty() {
            known.clear();
        }
        known.extend(
            loaded
                .streams
                .iter()
                .zip(&names[known.len()..])
                .map(|((_, stored), name)| (*name, stored.version, fold(stored).last().map_or(1, |last| last + 1))),
        );
        if known.len() == names.len() {
            let streams = known.iter().map(|(name, version, next)| at(name, *version, vec![numbered(*next)])).collect();
            return Ok(Step::Write(Writes { streams, outbox: vec![record("counted")], ..Writes::default() }));
        }
        let next = if late && known.is_empty() { &names[..1] } else { &names[known.len()..] };
        Ok(Step::Load(next.iter().map(|name| request(name, 0)).collect()))
    });
    store.transact(script).await.1
}

/// Runs many concurrent transactions on several instances, each on its counters in its order.
async fn count_together(database: &PostgresDatabase, orders: &[&'static [&'static str]], each: u64, late: bool) {
    let mut tasks = vec![];
    for order in orders {
        let (store, order) = (database.store().await, *order);
        tasks.push(tokio::spawn(async move {
            for _ in 0..each {
                count(&store, order, late).await.expect("writes");
            }
        }));
    }
    for task in tasks {
        within_timeout("all transactions end", task).await.expect("succeeds");
    }
    let mut expected = BTreeMap::new();
    for name in orders.iter().flat_map(|names| names.iter()) {
        *expected.entry(*name).or_insert(0) += each;
    }
    let store = database.store().await;
    for (name, count) in expected {
        assert_eq!(fold(&load(&store, name).await), counted(count), "{name}");
    }
    let positions: Vec<_> = store.outbox(0, 10_000).await.expect("reads").iter().map(|row| row.position).collect();
    assert_eq!(
        positions,
        (1..=i64::try_from(each).expect("few") * i64::try_from(orders.len()).expect("few")).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contended_stream_loses_no_update() {
    let database = PostgresDatabase::new().await;
    count_together(&database, &[&["hot"] as &[_]; 6], 30, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_requested_in_opposite_orders_do_not_deadlock() {
    let database = PostgresDatabase::new().await;
    count_together(&database, &[&["A", "B", "C"], &["C", "B", "A"], &["B", "C", "A"], &["C", "A", "B"]], 25, false)
        .await;
}

/// Each transaction requests the others' first stream late, so waiting for it would deadlock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_requested_late_in_opposite_orders_do_not_deadlock() {
    let database = PostgresDatabase::new().await;
    count_together(&database, &[&["A", "B", "C"], &["C", "B", "A"], &["B", "C", "A"], &["C", "A", "B"]], 25, true)
        .await;
}

/// Two transactions create a stream that neither has found: the second restarts and appends to the first's stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn stream_created_twice_at_once_is_created_once() {
    let database = PostgresDatabase::new().await;
    let both = Arc::new(Barrier::new(2));
    let starts = Arc::new(AtomicU32::new(0));
    let mut tasks = vec![];
    for number in [1, 2] {
        let (store, both, starts) = (database.store().await, Arc::clone(&both), Arc::clone(&starts));
        let mut first = true;
        let script = Script::new(vec![], move |loaded: Loaded| {
            let Some((_, stored)) = loaded.streams.first() else {
                starts.fetch_add(1, Ordering::SeqCst);
                return Ok(Step::Load(vec![request("new", 0)]));
            };
            if std::mem::take(&mut first) {
                assert_eq!(stored.version, 0);
                // Blocking here must not starve the other transaction.
                tokio::task::block_in_place(|| both.wait());
            }
            let streams = vec![at("new", stored.version, vec![numbered(number)])];
            Ok(Step::Write(Writes { streams, ..Writes::default() }))
        });
        tasks.push(tokio::spawn(async move { store.transact(script).await.1.expect("writes") }));
    }
    for task in tasks {
        within_timeout("both end", task).await.expect("succeeds");
    }
    let numbers: BTreeSet<_> = fold(&load(&database.store().await, "new").await).into_iter().collect();
    assert_eq!(numbers, BTreeSet::from([1, 2]));
    assert_eq!(starts.load(Ordering::SeqCst), 3, "one of them restarted, once");
}

/// A message that two instances hold after a rebalance is processed by one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_of_two_instances_is_processed_once() {
    let database = PostgresDatabase::new().await;
    let messages: Vec<u128> = (1..=50).collect();
    let reversed: Vec<u128> = messages.iter().rev().copied().collect();
    let mut tasks = vec![];
    for messages in [messages.clone(), reversed.clone(), messages.clone(), reversed] {
        let store = database.store().await;
        tasks.push(tokio::spawn(async move { handle(&store, &messages, Writes::default).await }));
    }
    let mut fresh = 0;
    for task in tasks {
        let known = within_timeout("all end", task).await.expect("succeeds");
        assert!(known.is_empty() || known == processed(&messages), "all or nothing: {}", known.len());
        fresh += usize::from(known.is_empty());
    }
    assert_eq!(fresh, 1);
}

/// The visible outbox never has a gap that is filled later, so a reader that continues from its last position misses
/// nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_become_visible_in_order() {
    const INSTANCES: u32 = 4;
    const EACH: u32 = 40;
    let database = PostgresDatabase::new().await;
    let mut tasks = vec![];
    for instance in 0..INSTANCES {
        let store = database.store().await;
        tasks.push(tokio::spawn(async move {
            for number in 0..EACH {
                write(&store, move || Writes {
                    streams: vec![at(&format!("{instance}-{number}"), 0, vec![numbered(1)])],
                    outbox: vec![record("one"), record("two")],
                    intents: vec![intent(u64::from(instance * EACH + number))],
                    ..Writes::default()
                })
                .await;
            }
        }));
    }
    let reader = database.store().await;
    let (mut rows, mut intents) = (0, 0);
    let all = async {
        while rows < i64::from(2 * INSTANCES * EACH) || intents < i64::from(INSTANCES * EACH) {
            for row in reader.outbox(rows, 1_000).await.expect("reads") {
                assert_eq!(row.position, rows + 1);
                rows = row.position;
            }
            for open in reader.intents(intents, 1_000).await.expect("reads") {
                assert_eq!(open.position, intents + 1);
                intents = open.position;
            }
        }
    };
    within_timeout("the reader reads all rows", all).await;
    for task in tasks {
        task.await.expect("succeeds");
    }
}

/// Waits until this instance leads and returns its term.
async fn wait_for_leadership(leadership: &mut Leadership) -> u64 {
    let leads = async {
        loop {
            match leadership.term() {
                Some(term) => return term,
                None => leadership.changed().await,
            }
        }
    };
    within_timeout("the instance leads", leads).await
}

async fn end_leader_session(database: &PostgresDatabase) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let ended = database.session().await.query(end, &[]).await.expect("ends the session");
    assert_eq!(ended.len(), 1, "one session holds the lock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_leads_when_the_leaders_session_ends() {
    let database = PostgresDatabase::new().await;
    let (one, other) = (database.store().await, database.store().await);
    let mut first = one.join_election();
    assert_eq!(wait_for_leadership(&mut first).await, 1);
    let mut second = other.join_election();
    append(&other, || at("A", 0, vec![numbered(1)])).await;
    assert_eq!(second.term(), None, "the other instance leads");

    // Either instance may take the free lock, but never both.
    end_leader_session(&database).await;
    within_timeout("the first notices", async {
        while first.term() == Some(1) {
            first.changed().await;
        }
    })
    .await;
    let leads = async {
        loop {
            match (first.term(), second.term()) {
                (None, None) => tokio::select! { () = first.changed() => {}, () = second.changed() => {} },
                terms => return terms,
            }
        }
    };
    let terms = within_timeout("one instance leads", leads).await;
    assert!(terms == (Some(2), None) || terms == (None, Some(1)), "{terms:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_leads_when_the_leader_resigns() {
    let database = PostgresDatabase::new().await;
    let (one, other) = (database.store().await, database.store().await);
    let mut first = one.join_election();
    wait_for_leadership(&mut first).await;
    let mut second = other.join_election();
    drop(first);
    assert_eq!(wait_for_leadership(&mut second).await, 1);
}

/// The leader is notified when others commit, but not when it commits itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_is_notified_of_commits_of_others() {
    let database = PostgresDatabase::new().await;
    let (leader, other) = (database.store().await, database.store().await);
    let mut leadership = leader.join_election();
    wait_for_leadership(&mut leadership).await;
    let outbox = || Writes { outbox: vec![record("R")], ..Writes::default() };
    let started = Instant::now();
    for after in 0..3 {
        write(&other, outbox).await;
        let notified = async {
            while leader.outbox(after, 10).await.expect("reads").is_empty() {
                leadership.changed().await;
            }
        };
        within_timeout("the leader is notified", notified).await;
    }
    assert!(started.elapsed() < Duration::from_secs(10), "polling alone would take longer");
}
