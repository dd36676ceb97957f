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
use uuid::Uuid;

use crate::{
    fixture::{
        Script, append, at, counted, dead_letter, fold, load, numbered, public, public_numbers, request,
        unpublished_letters, write,
    },
    parked::{ordering_key, parked},
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
    let script = Script::new(move |loaded: Loaded| {
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
            let streams =
                known.iter().map(|(name, version, next)| at(name, *version, vec![public(*next, *next)])).collect();
            return Ok(Step::Write(Writes { streams, ..Writes::default() }));
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
    let log = store.tail(0, 10_000).await.expect("reads").entries;
    let events: u64 = orders.iter().map(|names| names.len() as u64 * each).sum();
    assert_eq!(log.len() as u64, events);
    assert!(log.is_sorted_by(|one, next| one.position < next.position));
    let mut last = BTreeMap::new();
    for entry in log {
        let before = last.insert(entry.stream.clone(), entry.event.version).unwrap_or(0);
        assert_eq!(entry.event.version, before + 1, "positions grow with the versions of {}", entry.stream);
    }
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
    count_together(&database, &[&["A", "B", "C"], &["C", "B", "A"], &["B", "C", "A"], &["C", "A", "B"]], 100, true)
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
        let script = Script::new(move |loaded: Loaded| {
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

/// A message that two instances hold after a rebalance is processed by one of them. The others find its id in the head.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_of_two_instances_is_processed_once() {
    let database = PostgresDatabase::new().await;
    let message = Uuid::from_u128(7);
    let process = move || {
        Script::new(move |loaded: Loaded| {
            let Some((_, stored)) = loaded.streams.first() else { return Ok(Step::Load(vec![request("A", 0)])) };
            let mut head = stored.head.clone().unwrap_or_default();
            if head.processed.contains(message) {
                return Ok(Step::Write(Writes::default()));
            }
            head.processed.push(message);
            let streams = vec![store::StreamWrite { head, ..at("A", stored.version, vec![numbered(1)]) }];
            Ok(Step::Write(Writes { streams, ..Writes::default() }))
        })
    };
    let mut tasks = vec![];
    for _ in 0..4 {
        let store = database.store().await;
        tasks.push(tokio::spawn(async move { store.transact(process()).await.1.expect("commits") }));
    }
    let mut appended = 0;
    for task in tasks {
        appended += usize::from(within_timeout("all end", task).await.expect("succeeds").range.is_some());
    }
    assert_eq!(appended, 1);
    assert_eq!(fold(&load(&database.store().await, "A").await), [1]);
}

/// For example, two instances that hold the same records after a rebalance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn record_of_two_instances_is_kept_once() {
    let database = PostgresDatabase::new().await;
    let writes = || {
        let parked = (1..=20).map(|number| parked(ordering_key(1), number, 0)).collect();
        let dead_letters = (1..=20).map(|id| dead_letter(id, "X")).collect();
        Writes { dead_letters, parked, ..Writes::default() }
    };
    let mut tasks = vec![];
    for _ in 0..4 {
        let store = database.store().await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                write(&store, writes).await;
            }
        }));
    }
    for task in tasks {
        within_timeout("all end", task).await.expect("succeeds");
    }
    let store = database.store().await;
    assert_eq!((unpublished_letters(&store).await.len(), store.parked_len().await.expect("reads")), (20, 20));
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
    let started = Instant::now();
    for after in 0..3 {
        append(&other, move || at("A", after, vec![public(after + 1, after + 1)])).await;
        let notified = async {
            while public_numbers(&leader, 0).await.len() as u64 <= after {
                leadership.changed().await;
            }
        };
        within_timeout("the leader is notified", notified).await;
    }
    assert!(started.elapsed() < Duration::from_secs(10), "polling alone would take longer");
}
