//! Parked records, inbox purges and snapshot retention.

use std::collections::HashSet;

use bytes::Bytes;
use jiff::Timestamp;
use store::{AsOf, NewOutboxRow, NewParked, RawRecord, Rescheduled, SNAPSHOTS_KEPT, Step, Store, Writes};
use uuid::Uuid;

use crate::fixture::{
    Fixture, Script, append, at, counted, handle, numbered, processed, second, snapshot, stream, write,
};

pub(crate) fn ordering_key(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// A record of this key, parked until that second.
pub(crate) fn parked(ordering_key: String, offset: i64, due: u64) -> NewParked {
    let headers = vec![("ce_id".to_owned(), Bytes::from_static(b"\xff\0")), (String::new(), Bytes::new())];
    let record = NewOutboxRow {
        topic: "order.events".into(),
        key: Some(Bytes::from_static(b"\0key")),
        headers,
        payload: Bytes::from_static(b"{\xfe"),
    };
    let raw = RawRecord { record, partition: 3, offset, timestamp_ms: Some(1) };
    NewParked { ordering_key, raw, attempts: 1, error: "not now".into(), due: second(due) }
}

fn writes_parking(records: Vec<NewParked>) -> impl Fn() -> Writes + Send + 'static {
    move || Writes { parked: records.clone(), ..Writes::default() }
}

/// The offsets of the records that are due at that second.
pub(crate) async fn due_offsets(store: &impl Store, at: u64) -> Vec<i64> {
    let due = store.parked(second(at), 10).await.expect("reads");
    due.iter().map(|due| due.parked.raw.offset).collect()
}

pub(crate) async fn record_is_parked_once_with_every_byte(database: impl Fixture) {
    let store = database.open().await;
    let record = parked(ordering_key(1), 7, 5);
    write(&store, writes_parking(vec![record.clone(), record.clone()])).await;
    write(&store, writes_parking(vec![record.clone()])).await;
    let due = store.parked(second(5), 10).await.expect("reads");
    assert_eq!(due.iter().map(|due| &due.parked).collect::<Vec<_>>(), [&record]);
    assert_eq!(store.parked_len().await.expect("reads"), 1);
}

pub(crate) async fn only_the_first_record_of_a_key_is_due(database: impl Fixture) {
    let store = database.open().await;
    let records = vec![
        parked(ordering_key(1), 1, 5),
        parked(ordering_key(1), 2, 0),
        parked(ordering_key(2), 3, 4),
        parked(ordering_key(3), 4, 9),
    ];
    write(&store, writes_parking(records)).await;
    assert_eq!(due_offsets(&store, 3).await, [0; 0], "the second record of key 1 waits for the first");
    assert_eq!(due_offsets(&store, 5).await, [3, 1], "the longest overdue first");

    let first = store.parked(second(5), 10).await.expect("reads").pop().expect("one").position;
    write(&store, move || Writes { resolved: vec![first], ..Writes::default() }).await;
    assert_eq!(due_offsets(&store, 5).await, [2, 3], "the first no longer blocks it");
    assert_eq!(store.parked(second(5), 1).await.expect("reads").len(), 1, "the limit applies");
}

pub(crate) async fn rescheduled_record_is_due_later(database: impl Fixture) {
    let store = database.open().await;
    write(&store, writes_parking(vec![parked(ordering_key(1), 1, 5)])).await;
    let position = store.parked(second(5), 10).await.expect("reads")[0].position;
    let later = move || Rescheduled { position, attempts: 2, error: "still not".into(), due: second(8) };
    write(&store, move || Writes { rescheduled: vec![later()], ..Writes::default() }).await;
    assert_eq!(due_offsets(&store, 7).await, [0; 0]);
    let due = store.parked(second(8), 10).await.expect("reads").remove(0);
    assert_eq!((due.position, due.parked.attempts, &*due.parked.error), (position, 2, "still not"));
}

pub(crate) async fn keys_with_parked_records_are_blocked(database: impl Fixture) {
    let store = database.open().await;
    let blocked_keys = async || {
        let mut script = Script::new(vec![], |_| Ok(Step::Write(Writes::default())));
        script.ordering_keys = vec![ordering_key(1), ordering_key(2), ordering_key(3)];
        let (script, result) = store.transact(script).await;
        result.expect("writes");
        script.blocked_keys.expect("the first step ran")
    };
    assert_eq!(blocked_keys().await, HashSet::new());
    write(&store, writes_parking(vec![parked(ordering_key(2), 1, 0), parked(ordering_key(9), 2, 0)])).await;
    assert_eq!(blocked_keys().await, HashSet::from([ordering_key(2)]));
}

pub(crate) async fn parked_records_survive_reopening(database: impl Fixture) {
    let store = database.open().await;
    write(&store, writes_parking(vec![parked(ordering_key(1), 1, 0)])).await;
    let position = store.parked(second(0), 1).await.expect("reads")[0].position;
    drop(store);
    let store = database.open().await;
    assert_eq!(due_offsets(&store, 0).await, [1]);
    write(&store, move || Writes { resolved: vec![position], ..writes_parking(vec![parked(ordering_key(1), 2, 0)])() })
        .await;
    let next = store.parked(second(0), 1).await.expect("reads")[0].position;
    assert!(next > position, "positions are never reused");
}

pub(crate) async fn inbox_purge_deletes_entries_older_than_the_horizon(database: impl Fixture) {
    let store = database.open().await;
    handle(&store, &[1, 2, 3], Writes::default).await;
    let long_ago = Timestamp::UNIX_EPOCH;
    let page = store.purge_inbox(long_ago, None, 2).await.expect("purges");
    assert_eq!((page.purged, page.last), (0, Some(Uuid::from_u128(2))), "younger than the horizon");
    let page = store.purge_inbox(long_ago, page.last, 2).await.expect("purges");
    assert_eq!((page.purged, page.last), (0, Some(Uuid::from_u128(3))));
    assert_eq!(store.purge_inbox(long_ago, page.last, 2).await.expect("purges").last, None, "the last page is empty");

    let horizon = Timestamp::now() + jiff::SignedDuration::from_secs(1);
    assert_eq!(store.purge_inbox(horizon, None, 2).await.expect("purges").purged, 2);
    assert_eq!(handle(&store, &[1, 2, 3], Writes::default).await, processed(&[3]), "the purged messages count as new");
}

pub(crate) async fn old_snapshots_are_thinned_out(database: impl Fixture) {
    let store = database.open().await;
    let kept = u64::try_from(SNAPSHOTS_KEPT).expect("few");
    for version in 1..=kept + 2 {
        append(&store, move || {
            let snapshot = Some(snapshot(version, &counted(version)));
            store::StreamWrite { snapshot, ..at("long", version - 1, vec![numbered(version)]) }
        })
        .await;
    }
    let from = async |version| {
        let stored = store.load(stream("long"), AsOf::Version(version)).await.expect("loads");
        stored.snapshot.map_or(0, |snapshot| snapshot.version)
    };
    assert_eq!((from(1).await, from(2).await), (1, 1), "the second is deleted, because the first is near enough");
    assert_eq!((from(3).await, from(kept + 2).await), (3, kept + 2));
}

/// Checks the parked record of the migration tests, and that the migrated table accepts new records.
pub(crate) async fn assert_migrated_and_usable(store: &impl Store) {
    let due = store.parked(second(0), 10).await.expect("reads").remove(0);
    assert_eq!((due.position, due.parked.attempts, due.parked.error.as_str()), (41, 2, "not now"));
    assert_eq!(due.parked.ordering_key, "00000000-0000-0000-0000-000000abcdef");
    assert_eq!(
        (due.parked.raw.partition, due.parked.raw.offset, &due.parked.raw.record.payload[..]),
        (3, 7, &b"{}"[..])
    );
    let behind = NewParked { due: second(0), ..parked(due.parked.ordering_key.clone(), 8, 0) };
    write(store, writes_parking(vec![behind])).await;
    assert_eq!(due_offsets(store, 0).await, [7], "a new record of the same key waits behind it");
}
