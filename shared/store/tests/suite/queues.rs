//! The outbox and open provider calls.

use bytes::Bytes;
use jiff::Timestamp;
use store::{NewOutboxRow, Store, Writes};

use crate::fixture::{Fixture, event_id, intent, open_intents, outbox_payloads, record, write};

fn outbox(payloads: &[&'static str]) -> Writes {
    Writes { outbox: payloads.iter().map(|payload| record(payload)).collect(), ..Writes::default() }
}

fn intents(numbers: &[u64]) -> Writes {
    Writes { intents: numbers.iter().map(|number| intent(*number)).collect(), ..Writes::default() }
}

pub(crate) async fn outbox_is_in_commit_order(database: impl Fixture) {
    let store = database.open().await;
    let first = write(&store, || outbox(&["A", "B"])).await.outbox;
    let second = write(&store, || outbox(&["C"])).await.outbox;
    let committed: Vec<_> = first.iter().chain(&second).map(|row| row.position).collect();
    assert!(committed.is_sorted_by(|one, next| one < next), "{committed:?}");
    assert!(committed[0] > 0, "0 is before all rows: {committed:?}");

    let rows = store.outbox(0, 10).await.expect("reads");
    assert_eq!(rows.iter().map(|row| row.position).collect::<Vec<_>>(), committed);
    assert_eq!(outbox_payloads(&store).await, ["A", "B", "C"]);
    let page = async |after, limit| {
        let rows = store.outbox(after, limit).await.expect("reads");
        rows.iter().map(|row| row.position).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 2).await, committed[..2]);
    assert_eq!(page(committed[1], 2).await, committed[2..]);
    assert_eq!(page(committed[2], 2).await, [0; 0]);
}

pub(crate) async fn deleted_outbox_positions_are_never_reused(database: impl Fixture) {
    let store = database.open().await;
    let positions: Vec<_> =
        write(&store, || outbox(&["A", "B", "C"])).await.outbox.iter().map(|row| row.position).collect();
    assert_eq!(store.outbox_len().await.expect("reads"), 3);
    store.delete_published(vec![positions[1]]).await.expect("deletes");
    assert_eq!(outbox_payloads(&store).await, ["A", "C"]);
    store.delete_published(vec![positions[0], positions[1], positions[2], 999]).await.expect("ignores missing rows");
    assert_eq!(store.outbox_len().await.expect("reads"), 0);
    drop(store);

    let store = database.open().await;
    let next = write(&store, || outbox(&["D"])).await.outbox[0].position;
    assert!(next > positions[2], "{next} was used before: {positions:?}");
}

pub(crate) async fn published_rows_are_deleted_with_their_transaction(database: impl Fixture) {
    let store = database.open().await;
    let position = write(&store, || outbox(&["A"])).await.outbox[0].position;
    write(&store, move || Writes { published: vec![position], ..outbox(&["B"]) }).await;
    assert_eq!(outbox_payloads(&store).await, ["B"]);
}

pub(crate) async fn outbox_preserves_every_byte(database: impl Fixture) {
    let store = database.open().await;
    let bytes = || (0..=u8::MAX).collect::<Vec<_>>();
    let header = |name: &str, value: &[u8]| (name.to_owned(), Bytes::copy_from_slice(value));
    let records = move || {
        let headers = vec![
            header("ce_id", b"1"),
            header("binary", &bytes()),
            header("", b""),
            header("twice", b"first"),
            header("twice", b"second"),
            header("Größe", "groß".as_bytes()),
        ];
        let payload: Bytes = bytes().repeat(1_000).into();
        vec![
            NewOutboxRow { topic: "order.dlq".into(), key: Some(bytes().into()), headers, payload },
            NewOutboxRow { topic: "order.dlq".into(), key: None, headers: vec![], payload: Bytes::new() },
            NewOutboxRow { topic: "order.dlq".into(), key: Some(Bytes::new()), headers: vec![], payload: Bytes::new() },
        ]
    };
    let committed = write(&store, move || Writes { outbox: records(), ..Writes::default() }).await;
    let read = store.outbox(0, 10).await.expect("reads");
    for (row, expected) in read.iter().chain(&committed.outbox).zip(records().into_iter().chain(records())) {
        assert_eq!(row.record.topic, expected.topic);
        assert_eq!(row.record.key, expected.key, "no key is not an empty key");
        assert_eq!(row.record.headers, expected.headers);
        assert_eq!(row.record.payload, expected.payload);
    }
    assert_eq!((read.len(), committed.outbox.len()), (3, 3));
}

pub(crate) async fn oldest_outbox_row_has_its_commit_time(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(store.outbox_oldest().await.expect("reads"), None);
    let before = Timestamp::now().as_microsecond();
    let first = write(&store, || outbox(&["A"])).await.outbox[0].position;
    let after_first = Timestamp::now().as_microsecond();
    write(&store, || outbox(&["B"])).await;

    let oldest = async || store.outbox_oldest().await.expect("reads").expect("one waits").as_microsecond();
    assert!((before..=after_first).contains(&oldest().await));
    store.delete_published(vec![first]).await.expect("deletes");
    assert!((after_first..=Timestamp::now().as_microsecond()).contains(&oldest().await));
}

pub(crate) async fn intents_are_open_until_answered(database: impl Fixture) {
    let store = database.open().await;
    let committed = write(&store, || intents(&[1, 2])).await.intents;
    write(&store, || intents(&[3])).await;
    assert_eq!(open_intents(&store).await, [event_id(1), event_id(2), event_id(3)]);
    let open = store.intents(0, 10).await.expect("reads");
    assert_eq!(open[0].position, committed[0].position);
    assert_eq!(open[1].intent.body, intent(2).body);

    let rest = store.intents(open[0].position, 1).await.expect("reads");
    assert_eq!(rest.iter().map(|open| open.intent.event_id).collect::<Vec<_>>(), [event_id(2)]);

    let answered = || Writes { answered: vec![event_id(2), event_id(99)], ..Writes::default() };
    write(&store, answered).await;
    assert_eq!(open_intents(&store).await, [event_id(1), event_id(3)]);
    assert_eq!(store.intents_len().await.expect("reads"), 2);
    write(&store, answered).await;
    assert_eq!(open_intents(&store).await, [event_id(1), event_id(3)], "a second answer has no effect");
}

/// For example, the answer to a late capture requests a refund.
pub(crate) async fn intent_is_answered_in_a_transaction_that_opens_others(database: impl Fixture) {
    let store = database.open().await;
    write(&store, || intents(&[1])).await;
    write(&store, || Writes { answered: vec![event_id(1)], ..intents(&[2]) }).await;
    assert_eq!(open_intents(&store).await, [event_id(2)]);
}

pub(crate) async fn intent_positions_are_never_reused(database: impl Fixture) {
    let store = database.open().await;
    let first = write(&store, || intents(&[1])).await.intents[0].position;
    assert!(first > 0, "0 is before all intents");
    write(&store, || Writes { answered: vec![event_id(1)], ..Writes::default() }).await;
    drop(store);
    let next = write(&database.open().await, || intents(&[2])).await.intents[0].position;
    assert!(next > first, "{next} was used before");
}
