//! Work queues on a real store.

use std::time::Duration;

use bytes::Bytes;
use store::{Committed, EventStore, Loaded, NewOutboxRow, OutboxRow, Restart, SqliteStore, Step, Transaction, Writes};

use super::*;

/// Writes this many outbox rows.
struct Rows(usize);

impl Transaction for Rows {
    fn messages(&mut self) -> Vec<uuid::Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<String> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, Restart> {
        let row = NewOutboxRow { topic: "t".into(), key: None, headers: vec![], payload: Bytes::new() };
        Ok(Step::Write(Writes { outbox: vec![row; self.0], ..Writes::default() }))
    }
}

struct Row(OutboxRow);

impl Stored for Row {
    fn position(&self) -> i64 {
        self.0.position
    }

    async fn page(store: &impl Store, after: i64, limit: usize) -> Result<Vec<Self>, StoreError> {
        Ok(store.outbox(after, limit).await?.into_iter().map(Self).collect())
    }
}

async fn commit(store: &EventStore, rows: usize) -> Vec<Row> {
    let (_, committed): (_, Result<Committed, _>) = store.transact(Rows(rows)).await;
    committed.expect("the commit succeeds").outbox.into_iter().map(Row).collect()
}

async fn take(receiver: &mut WorkReceiver<Row, EventStore>, count: usize) -> Vec<i64> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(10), receiver.next()).await;
        taken.push(next.expect("a row in time").expect("the store is readable").expect("a row").position());
    }
    taken
}

fn open() -> (EventStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (EventStore::Sqlite(SqliteStore::open(&folder.path().join("test.db")).expect("the store opens")), folder)
}

fn queue(store: &EventStore) -> (WorkSender<Row>, WorkReceiver<Row, EventStore>) {
    work_queue(store.clone(), store.join_election())
}

#[tokio::test]
async fn stored_rows_come_first_and_none_twice() {
    let (store, _folder) = open();
    commit(&store, 3).await;
    let (sender, mut receiver) = queue(&store);
    sender.offer(commit(&store, 2).await);
    assert_eq!(take(&mut receiver, 5).await, [1, 2, 3, 4, 5]);
    sender.offer(commit(&store, 2).await);
    assert_eq!(take(&mut receiver, 2).await, [6, 7]);
    assert!(receiver.try_next().is_none());
}

#[tokio::test]
async fn dropped_offers_are_read_from_the_store() {
    let (store, _folder) = open();
    let (sender, mut receiver) = queue(&store);
    sender.offer(commit(&store, 1).await);
    assert_eq!(take(&mut receiver, 1).await, [1]);
    // More than the channel's capacity, and more than a page.
    let rows = PAGE * 2 / 100;
    for _ in 0..OFFERS_MAX + rows {
        sender.offer(commit(&store, 10).await);
    }
    let all = 10 * (OFFERS_MAX + rows);
    let expected: Vec<i64> = (2..).take(all).collect();
    assert_eq!(take(&mut receiver, all).await, expected);
    sender.offer(commit(&store, 1).await);
    assert_eq!(take(&mut receiver, 1).await.len(), 1, "later rows arrive in memory");
}

#[tokio::test]
async fn cancelled_wait_loses_no_rows() {
    let (store, _folder) = open();
    commit(&store, 4).await;
    let (_sender, mut receiver) = queue(&store);
    for _ in 0..100 {
        // Polled once, then dropped: as in a select.
        if let Some(Ok(Some(row))) = receiver.next().now_or_never() {
            assert_eq!(row.position(), 1);
            assert_eq!(take(&mut receiver, 3).await, [2, 3, 4]);
            return;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(take(&mut receiver, 4).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn rewind_returns_rows_again_in_order() {
    let (store, _folder) = open();
    let (sender, mut receiver) = queue(&store);
    sender.offer(commit(&store, 5).await);
    take(&mut receiver, 5).await;
    receiver.rewind(2);
    sender.offer(commit(&store, 1).await);
    assert_eq!(take(&mut receiver, 4).await, [3, 4, 5, 6]);
}

#[tokio::test]
async fn receiver_ends_when_the_sender_is_dropped() {
    let (store, _folder) = open();
    let (sender, mut receiver) = queue(&store);
    sender.offer(commit(&store, 1).await);
    drop(sender);
    assert_eq!(take(&mut receiver, 1).await, [1]);
    assert!(receiver.next().await.expect("the store is readable").is_none());
}

#[tokio::test]
async fn rows_of_another_instance_come_in_order() {
    let (store, _folder) = open();
    let (sender, mut receiver) = queue(&store);
    sender.offer(commit(&store, 1).await);
    assert_eq!(take(&mut receiver, 1).await, [1]);
    commit(&store, 2).await;
    sender.offer(commit(&store, 1).await);
    assert!(receiver.try_next().is_none(), "rows before it are missing");
    assert_eq!(take(&mut receiver, 3).await, [2, 3, 4]);
    sender.offer(commit(&store, 1).await);
    assert_eq!(receiver.try_next().map(|row| row.position()), Some(5), "later rows arrive in memory");
}
