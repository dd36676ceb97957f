//! Work queues on a real store.

use std::time::Duration;

use cloudevent::{CorrelationId, EventId};
use decider::StreamId;
use jiff::Timestamp;
use store::{
    EventStore, Head, Loaded, LogEntry, Publication, Restart, SqliteStore, Step, StoredEvent, StreamWrite, Transaction,
    Writes,
};
use uuid::Uuid;

use super::*;

/// Appends this many public events to a new stream.
struct Rows(usize);

impl Transaction for Rows {
    fn begin(&mut self) {}

    fn messages(&self) -> Vec<Uuid> {
        vec![]
    }

    fn ordering_keys(&self) -> Vec<String> {
        vec![]
    }

    fn step(&mut self, _: Loaded) -> Result<Step, Restart> {
        let event = |version: u64| StoredEvent {
            version,
            id: EventId(Uuid::now_v7()),
            name: "Counted".into(),
            schema: "2026-11".into(),
            data: "{}".into(),
            time: Timestamp::UNIX_EPOCH,
            correlation_id: CorrelationId::default(),
            causation_id: None,
            publication: Some(Publication { sequence: version, hops: 0, trace: String::new() }),
        };
        let write = StreamWrite {
            stream: StreamId::new("count", Uuid::now_v7()),
            is_new: true,
            expected_version: 0,
            events: (1..).map(event).take(self.0).collect(),
            head: Head::default(),
            status: "counted",
            due: None,
            metadata_changed: true,
            snapshot: None,
        };
        Ok(Step::Write(Writes { streams: vec![write], ..Writes::default() }))
    }
}

struct Row(LogEntry);

impl Stored for Row {
    fn position(&self) -> i64 {
        self.0.position
    }

    async fn start(_: &impl Store) -> Result<i64, StoreError> {
        Ok(0)
    }

    async fn page(store: &impl Store, after: i64, limit: usize) -> Result<WorkPage<Self>, StoreError> {
        let page = store.tail(after, limit).await?;
        let rows = page.entries.into_iter().map(Self).collect();
        Ok(WorkPage { rows, through: page.through, has_more: page.has_more })
    }
}

async fn commit(store: &EventStore, rows: usize) -> (Option<LogRange>, Vec<Row>) {
    let committed = store.transact(Rows(rows)).await.1.expect("the commit succeeds");
    let range = committed.range;
    let rows = committed.events().map(|(position, stream, event)| Row(LogEntry { position, stream, event }));
    (range, rows.collect())
}

/// Commits this many rows and offers them.
async fn offer(sender: &mut WorkSender<Row>, store: &EventStore, rows: usize) {
    let (range, rows) = commit(store, rows).await;
    sender.offer(range, rows);
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
    let (mut sender, mut receiver) = queue(&store);
    offer(&mut sender, &store, 2).await;
    assert_eq!(take(&mut receiver, 5).await, [1, 2, 3, 4, 5]);
    offer(&mut sender, &store, 2).await;
    assert_eq!(take(&mut receiver, 2).await, [6, 7]);
    assert!(receiver.try_next().is_none());
}

#[tokio::test]
async fn dropped_offers_are_read_from_the_store() {
    let (store, _folder) = open();
    let (mut sender, mut receiver) = queue(&store);
    offer(&mut sender, &store, 1).await;
    assert_eq!(take(&mut receiver, 1).await, [1]);
    // More than the channel's capacity, and more than a page.
    let rows = PAGE * 2 / 100;
    for _ in 0..OFFERS_MAX + rows {
        offer(&mut sender, &store, 10).await;
    }
    let all = 10 * (OFFERS_MAX + rows);
    let expected: Vec<i64> = (2..).take(all).collect();
    assert_eq!(take(&mut receiver, all).await, expected);
    offer(&mut sender, &store, 1).await;
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
    let (mut sender, mut receiver) = queue(&store);
    offer(&mut sender, &store, 5).await;
    take(&mut receiver, 5).await;
    receiver.rewind(2);
    offer(&mut sender, &store, 1).await;
    assert_eq!(take(&mut receiver, 4).await, [3, 4, 5, 6]);
}

#[tokio::test]
async fn receiver_ends_when_the_sender_is_dropped() {
    let (store, _folder) = open();
    let (mut sender, mut receiver) = queue(&store);
    offer(&mut sender, &store, 1).await;
    drop(sender);
    assert_eq!(take(&mut receiver, 1).await, [1]);
    assert!(receiver.next().await.expect("the store is readable").is_none());
}

#[tokio::test]
async fn rows_of_another_instance_come_in_order() {
    let (store, _folder) = open();
    let (mut sender, mut receiver) = queue(&store);
    offer(&mut sender, &store, 1).await;
    assert_eq!(take(&mut receiver, 1).await, [1]);
    commit(&store, 2).await;
    offer(&mut sender, &store, 1).await;
    assert!(receiver.try_next().is_none(), "rows before it are missing");
    assert_eq!(take(&mut receiver, 3).await, [2, 3, 4]);
    offer(&mut sender, &store, 1).await;
    assert_eq!(receiver.try_next().map(|row| row.position()), Some(5), "later rows arrive in memory");
}

#[tokio::test]
async fn commits_without_rows_leave_no_gap() {
    let (store, _folder) = open();
    let (mut sender, mut receiver) = queue(&store);
    offer(&mut sender, &store, 1).await;
    assert_eq!(take(&mut receiver, 1).await, [1]);
    for _ in 0..2 {
        let (range, _) = commit(&store, 2).await;
        sender.offer(range, vec![]);
    }
    offer(&mut sender, &store, 1).await;
    assert_eq!(receiver.try_next().map(|row| row.position()), Some(6), "without a read of the store");
}
