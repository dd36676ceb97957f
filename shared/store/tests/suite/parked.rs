//! Records that are tried again later, and what is forgotten.

use std::collections::HashSet;

use bytes::Bytes;
use contracts::OrderId;
use jiff::Timestamp;
use store::{AsOf, NewOutboxRow, NewParked, RawRecord, Rescheduled, SNAPSHOTS_KEPT, Step, Store, Writes};
use uuid::Uuid;

use crate::fixture::{Fixture, Script, append, at, counted, handle, said, second, seen, snapshot, stream, write};

pub(crate) fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

/// A record of this order, parked until that second.
pub(crate) fn parked(order_id: OrderId, offset: i64, due: u64) -> NewParked {
    let headers = vec![("ce_id".to_owned(), Bytes::from_static(b"\xff\0")), (String::new(), Bytes::new())];
    let record = NewOutboxRow {
        topic: "order.events".into(),
        key: Some(Bytes::from_static(b"\0key")),
        headers,
        payload: Bytes::from_static(b"{\xfe"),
    };
    let arrived = RawRecord { record, partition: 3, offset, timestamp_ms: Some(1) };
    NewParked { order_id, arrived, attempts: 1, error: "not now".into(), due: second(due) }
}

fn parking(records: Vec<NewParked>) -> impl Fn() -> Writes + Send + 'static {
    move || Writes { parked: records.clone(), ..Writes::default() }
}

/// The offsets of what comes up at that second.
pub(crate) async fn coming_up(store: &impl Store, at: u64) -> Vec<i64> {
    let due = store.parked(second(at), 10).await.expect("reads");
    due.iter().map(|due| due.parked.arrived.offset).collect()
}

pub(crate) async fn a_record_is_parked_byte_for_byte_and_only_once(database: impl Fixture) {
    let store = database.open().await;
    let record = parked(order(1), 7, 5);
    write(&store, parking(vec![record.clone(), record.clone()])).await;
    write(&store, parking(vec![record.clone()])).await;
    let due = store.parked(second(5), 10).await.expect("reads");
    assert_eq!(due.iter().map(|due| &due.parked).collect::<Vec<_>>(), [&record]);
    assert_eq!(store.parked_len().await.expect("reads"), 1);
}

pub(crate) async fn only_the_first_record_of_an_order_comes_up(database: impl Fixture) {
    let store = database.open().await;
    let records = vec![parked(order(1), 1, 5), parked(order(1), 2, 0), parked(order(2), 3, 4), parked(order(3), 4, 9)];
    write(&store, parking(records)).await;
    assert_eq!(coming_up(&store, 3).await, [0; 0], "the second of order 1 waits for the first");
    assert_eq!(coming_up(&store, 5).await, [3, 1], "the longest overdue first");

    let first = store.parked(second(5), 10).await.expect("reads").pop().expect("one").position;
    write(&store, move || Writes { resolved: vec![first], ..Writes::default() }).await;
    assert_eq!(coming_up(&store, 5).await, [2, 3], "now it is its turn");
    assert_eq!(store.parked(second(5), 1).await.expect("reads").len(), 1, "as many as are asked for");
}

pub(crate) async fn what_is_postponed_comes_up_later(database: impl Fixture) {
    let store = database.open().await;
    write(&store, parking(vec![parked(order(1), 1, 5)])).await;
    let position = store.parked(second(5), 10).await.expect("reads")[0].position;
    let later = move || Rescheduled { position, attempts: 2, error: "still not".into(), due: second(8) };
    write(&store, move || Writes { rescheduled: vec![later()], ..Writes::default() }).await;
    assert_eq!(coming_up(&store, 7).await, [0; 0]);
    let due = store.parked(second(8), 10).await.expect("reads").remove(0);
    assert_eq!((due.position, due.parked.attempts, &*due.parked.error), (position, 2, "still not"));
}

pub(crate) async fn orders_with_parked_records_are_told_to_who_asks_for_them(database: impl Fixture) {
    let store = database.open().await;
    let held = async || {
        let mut script = Script::new(vec![], |_| Ok(Step::Write(Writes::default())));
        script.orders = vec![order(1), order(2), order(3)];
        let (script, result) = store.transact(script).await;
        result.expect("is written");
        script.held.expect("was told")
    };
    assert_eq!(held().await, HashSet::new());
    write(&store, parking(vec![parked(order(2), 1, 0), parked(order(9), 2, 0)])).await;
    assert_eq!(held().await, HashSet::from([order(2)]));
}

pub(crate) async fn what_is_parked_outlives_a_reopening(database: impl Fixture) {
    let store = database.open().await;
    write(&store, parking(vec![parked(order(1), 1, 0)])).await;
    let position = store.parked(second(0), 1).await.expect("reads")[0].position;
    drop(store);
    let store = database.open().await;
    assert_eq!(coming_up(&store, 0).await, [1]);
    write(&store, move || Writes { resolved: vec![position], ..parking(vec![parked(order(1), 2, 0)])() }).await;
    let next = store.parked(second(0), 1).await.expect("reads")[0].position;
    assert!(next > position, "a place is never used twice");
}

pub(crate) async fn the_inbox_forgets_what_is_older_than_the_horizon(database: impl Fixture) {
    let store = database.open().await;
    handle(&store, &[1, 2, 3], Writes::default).await;
    let long_ago = Timestamp::UNIX_EPOCH;
    let swept = store.purge_inbox(long_ago, None, 2).await.expect("sweeps");
    assert_eq!((swept.forgotten, swept.last), (0, Some(Uuid::from_u128(2))), "younger than the horizon");
    let swept = store.purge_inbox(long_ago, swept.last, 2).await.expect("sweeps");
    assert_eq!((swept.forgotten, swept.last), (0, Some(Uuid::from_u128(3))));
    assert_eq!(store.purge_inbox(long_ago, swept.last, 2).await.expect("sweeps").last, None, "that was all");

    let horizon = Timestamp::now() + jiff::SignedDuration::from_secs(1);
    assert_eq!(store.purge_inbox(horizon, None, 2).await.expect("sweeps").forgotten, 2);
    assert_eq!(handle(&store, &[1, 2, 3], Writes::default).await, seen(&[3]), "of the others nothing is known");
}

pub(crate) async fn of_many_snapshots_the_old_are_thinned_out(database: impl Fixture) {
    let store = database.open().await;
    let kept = u64::try_from(SNAPSHOTS_KEPT).expect("few");
    for version in 1..=kept + 2 {
        append(&store, move || {
            let snapshot = Some(snapshot(version, &counted(version)));
            store::StreamWrite { snapshot, ..at("long", version - 1, vec![said(version)]) }
        })
        .await;
    }
    let from = async |version| {
        let stored = store.load(stream("long"), AsOf::Version(version)).await.expect("loads");
        stored.snapshot.map_or(0, |snapshot| snapshot.version)
    };
    assert_eq!((from(1).await, from(2).await), (1, 1), "the second is gone: the first is near enough");
    assert_eq!((from(3).await, from(kept + 2).await), (3, kept + 2));
}
