//! Feeds against a real store.

use bytes::Bytes;
use store::{Committed, Loaded, NewOutboxRow, SqliteStore, Step, Transaction, Writes};

use super::*;

/// Writes so many outbox rows.
struct Rows(usize);

impl Transaction for Rows {
    fn messages(&mut self) -> Vec<uuid::Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<contracts::OrderId> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, store::Restart> {
        let row = NewOutboxRow { topic: "t".into(), key: None, headers: vec![], payload: Bytes::new() };
        Ok(Step::Write(Writes { outbox: vec![row; self.0], ..Writes::default() }))
    }
}

async fn commit(store: &EventStore, rows: usize) -> Vec<Outgoing> {
    let (_, committed): (_, Result<Committed, _>) = store.transact(Rows(rows)).await;
    committed.expect("commits").outbox.into_iter().map(|row| Outgoing { row, span: None }).collect()
}

async fn take(feed: &mut Feed<Outgoing>, count: usize) -> Vec<i64> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), feed.next()).await;
        taken.push(next.expect("comes in time").expect("reads").expect("is offered").position());
    }
    taken
}

fn open() -> (EventStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (EventStore::Sqlite(SqliteStore::open(&folder.path().join("test.db")).expect("opens")), folder)
}

#[tokio::test]
async fn what_was_there_comes_first_and_nothing_twice() {
    let (store, _folder) = open();
    commit(&store, 3).await;
    let (offers, mut feed) = feed(store.clone(), store.join_election());
    offers.offer(commit(&store, 2).await);
    assert_eq!(take(&mut feed, 5).await, [1, 2, 3, 4, 5]);
    offers.offer(commit(&store, 2).await);
    assert_eq!(take(&mut feed, 2).await, [6, 7]);
    assert!(feed.try_next().is_none());
}

#[tokio::test]
async fn offers_that_are_dropped_are_found_in_the_store() {
    let (store, _folder) = open();
    let (offers, mut feed) = feed(store.clone(), store.join_election());
    offers.offer(commit(&store, 1).await);
    assert_eq!(take(&mut feed, 1).await, [1]);
    // More than can wait in memory, and more than a page.
    let rows = PAGE * 2 / 100;
    for _ in 0..OFFERS + rows {
        offers.offer(commit(&store, 10).await);
    }
    let all = 10 * (OFFERS + rows);
    let expected: Vec<i64> = (2..).take(all).collect();
    assert_eq!(take(&mut feed, all).await, expected);
    offers.offer(commit(&store, 1).await);
    assert_eq!(take(&mut feed, 1).await.len(), 1, "and it goes on in memory");
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    let (store, _folder) = open();
    commit(&store, 4).await;
    let (_offers, mut feed) = feed::<Outgoing>(store.clone(), store.join_election());
    for _ in 0..100 {
        // Polled once, then dropped: as in a select.
        if let Some(Ok(Some(row))) = feed.next().now_or_never() {
            assert_eq!(row.position(), 1);
            assert_eq!(take(&mut feed, 3).await, [2, 3, 4]);
            return;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(take(&mut feed, 4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn after_a_rewind_it_comes_again_in_order() {
    let (store, _folder) = open();
    let (offers, mut feed) = feed(store.clone(), store.join_election());
    offers.offer(commit(&store, 5).await);
    take(&mut feed, 5).await;
    feed.rewind(2);
    offers.offer(commit(&store, 1).await);
    assert_eq!(take(&mut feed, 4).await, [3, 4, 5, 6]);
}

#[tokio::test]
async fn it_ends_when_nobody_offers_any_more() {
    let (store, _folder) = open();
    let (offers, mut feed) = feed(store.clone(), store.join_election());
    offers.offer(commit(&store, 1).await);
    drop(offers);
    assert_eq!(take(&mut feed, 1).await, [1]);
    assert!(feed.next().await.expect("reads").is_none());
}

#[tokio::test]
async fn what_somebody_else_committed_in_between_comes_first() {
    let (store, _folder) = open();
    let (offers, mut feed) = feed(store.clone(), store.join_election());
    offers.offer(commit(&store, 1).await);
    assert_eq!(take(&mut feed, 1).await, [1]);
    commit(&store, 2).await;
    offers.offer(commit(&store, 1).await);
    assert!(feed.try_next().is_none(), "it is not its turn");
    assert_eq!(take(&mut feed, 3).await, [2, 3, 4]);
    offers.offer(commit(&store, 1).await);
    assert_eq!(feed.try_next().map(|row| row.position()), Some(5), "and it goes on in memory");
}
