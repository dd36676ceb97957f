//! Records that the broker refuses.

use bytes::Bytes;
use jiff::Timestamp;
use store::{NewUnsent, RecordData, Rescheduled, Store, Unsent, UnsentSummary};
use uuid::Uuid;

use crate::fixture::{Fixture, append, at, public, second};

fn unsent(id: u128, topic: &str, key: Option<&str>) -> NewUnsent {
    let key = key.map(|key| Bytes::copy_from_slice(key.as_bytes()));
    let record = RecordData { topic: topic.to_owned(), key, headers: vec![], payload: Bytes::new() };
    NewUnsent { id: Uuid::from_u128(id), record, attempts: 0, error: String::new(), due: second(0) }
}

async fn keep<S: Store>(store: &S, records: &[(u128, &str, Option<&str>)]) {
    for (id, topic, key) in records {
        store.keep_unsent(unsent(*id, topic, *key)).await.expect("writes");
    }
}

async fn due<S: Store>(store: &S, now: Timestamp) -> Vec<Unsent> {
    store.unsent(now, 100).await.expect("reads")
}

/// Ids of the due records.
async fn due_ids<S: Store>(store: &S, now: Timestamp) -> Vec<u128> {
    due(store, now).await.iter().map(|due| due.unsent.id.as_u128()).collect()
}

pub(crate) async fn unsent_record_is_kept_once_with_every_byte(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(store.unsent_summary().await.expect("reads"), UnsentSummary::default());
    let bytes: Bytes = (0..=u8::MAX).collect::<Vec<_>>().into();
    let record = RecordData {
        topic: "order.events".into(),
        key: Some(bytes.clone()),
        headers: vec![("ce_id".into(), bytes.clone()), (String::new(), Bytes::new())],
        payload: bytes,
    };
    let full = NewUnsent { record, attempts: 3, error: "too large".into(), ..unsent(1, "", None) };
    store.keep_unsent(full.clone()).await.expect("writes");
    keep(&store, &[(1, "order.events", None), (1, "order.dlq", None)]).await;
    let all = due(&store, second(0)).await;
    assert_eq!(all.iter().map(|one| &one.unsent).collect::<Vec<_>>(), [&full, &unsent(1, "order.dlq", None)]);
    let summary = store.unsent_summary().await.expect("reads");
    let without_payload = RecordData { payload: Bytes::new(), ..full.record.clone() };
    let oldest = Unsent { position: all[0].position, unsent: NewUnsent { record: without_payload, ..full } };
    assert_eq!(summary, UnsentSummary { count: 2, oldest: Some(oldest) });
}

pub(crate) async fn only_the_first_unsent_record_of_a_key_is_due(database: impl Fixture) {
    let store = database.open().await;
    let (events, letters) = ("order.events", "order.dlq");
    keep(&store, &[(1, events, Some("A")), (2, events, Some("A")), (3, events, Some("B")), (4, letters, Some("A"))])
        .await;
    keep(&store, &[(5, letters, None), (6, letters, None)]).await;
    assert_eq!(due_ids(&store, second(0)).await, [1, 3, 4, 5]);
    assert_eq!(store.unsent(second(0), 2).await.expect("reads").len(), 2);
    let first: Vec<_> = due(&store, second(0)).await.iter().map(|due| due.position).collect();
    store.update_unsent(vec![first[0], first[3]], vec![]).await.expect("writes");
    assert_eq!(due_ids(&store, second(0)).await, [2, 3, 4, 6]);
}

pub(crate) async fn rescheduled_unsent_record_is_due_later(database: impl Fixture) {
    let store = database.open().await;
    keep(&store, &[(1, "order.events", Some("A")), (2, "order.events", Some("A"))]).await;
    let position = due(&store, second(0)).await[0].position;
    let rescheduled = Rescheduled { position, attempts: 2, error: "too large".into(), due: second(5) };
    store.update_unsent(vec![], vec![rescheduled]).await.expect("writes");
    assert_eq!(due_ids(&store, second(4)).await, [], "the second waits behind the first");
    let due = due(&store, second(5)).await;
    let expected =
        NewUnsent { attempts: 2, error: "too large".into(), due: second(5), ..unsent(1, "order.events", Some("A")) };
    assert_eq!(due, [Unsent { position, unsent: expected }]);
}

pub(crate) async fn unsent_records_survive_reopening(database: impl Fixture) {
    let store = database.open().await;
    keep(&store, &[(1, "order.events", Some("A")), (2, "order.events", Some("A")), (3, "order.dlq", None)]).await;
    let last = due(&store, second(0)).await[1].position;
    store.update_unsent(vec![last], vec![]).await.expect("writes");
    drop(store);
    let store = database.open().await;
    let keys = store.unsent_keys().await.expect("reads");
    assert_eq!(keys, [("order.events".to_owned(), Some(Bytes::from("A")))].into());
    keep(&store, &[(4, "order.dlq", None)]).await;
    assert!(due(&store, second(0)).await[1].position > last, "positions are never reused");
}

pub(crate) async fn unsent_records_do_not_count_as_published(database: impl Fixture) {
    let store = database.open().await;
    keep(&store, &[(1, "order.events", Some("A"))]).await;
    assert_eq!(store.published_len().await.expect("reads"), 0, "the cursor may be behind the record");
    let range = append(&store, || at("A", 0, vec![public(1, 1), public(2, 2)])).await.range.expect("events");
    store.advance_cursor(range.through).await.expect("writes");
    assert_eq!(store.published_len().await.expect("reads"), 1);
    let position = due(&store, second(0)).await[0].position;
    store.update_unsent(vec![position], vec![]).await.expect("writes");
    assert_eq!(store.published_len().await.expect("reads"), 2);
}
