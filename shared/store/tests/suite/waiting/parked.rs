//! Parked records.

use std::collections::HashSet;

use bytes::Bytes;
use store::{NewParked, RawRecord, RecordData, Rescheduled, Store, Writes};
use uuid::Uuid;

use crate::fixture::{Fixture, first_input, second, write};

pub(crate) fn ordering_key(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// A record of this key, parked until that second.
pub(crate) fn parked(ordering_key: String, offset: i64, due: u64) -> NewParked {
    let headers = vec![("ce_id".to_owned(), Bytes::from_static(b"\xff\0")), (String::new(), Bytes::new())];
    let record = RecordData {
        topic: "order.events".into(),
        key: Some(Bytes::from_static(b"\0key")),
        headers,
        payload: Bytes::from_static(b"{\xfe"),
    };
    let raw = RawRecord { record, partition: 3, offset, timestamp_ms: Some(1) };
    NewParked { ordering_key, message: None, raw, attempts: 1, error: "not now".into(), due: second(due) }
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

/// A tool may publish a message again, so that it arrives from a second place.
pub(crate) async fn message_is_parked_once_from_two_places(database: impl Fixture) {
    let store = database.open().await;
    let message = |number| Some(Uuid::from_u128(number));
    let of_message = |number, offset| NewParked { message: message(number), ..parked(ordering_key(number), offset, 0) };
    write(&store, writes_parking(vec![of_message(1, 10), of_message(1, 11), of_message(2, 12)])).await;
    write(&store, writes_parking(vec![of_message(1, 13), of_message(3, 12)])).await;
    assert_eq!(due_offsets(&store, 0).await, [10, 12]);
    let due = store.parked(second(0), 10).await.expect("reads");
    assert_eq!(due.iter().map(|due| due.parked.message).collect::<Vec<_>>(), [message(1), message(2)]);

    // A message can be parked again after it was resolved. Records without a message are not compared.
    let first = due[0].position;
    write(&store, move || Writes { resolved: vec![first], ..Writes::default() }).await;
    write(
        &store,
        writes_parking(vec![of_message(1, 14), parked(ordering_key(8), 15, 0), parked(ordering_key(9), 16, 0)]),
    )
    .await;
    assert_eq!(due_offsets(&store, 0).await, [12, 14, 15, 16]);
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
    let keys = || vec![ordering_key(1), ordering_key(2), ordering_key(3)];
    let blocked_keys = async || first_input(&store, &[], keys()).await.blocked_keys;
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
