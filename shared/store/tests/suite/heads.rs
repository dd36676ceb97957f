//! Heads of streams: processed messages, the wave, and the number of public events.

use store::{Head, Listing, MessageIds, Step, Store, StoredStream, StreamRequest, StreamWrite, Writes};
use uuid::Uuid;

use crate::fixture::{
    CORRELATION, Fixture, Script, TRACE, append, at, load, message_ids, numbered, public, request, stream,
};

/// A write without events to a stream, which has processed these messages.
fn processed(name: &str, version: u64, messages: &[u128]) -> StreamWrite {
    let head = Head { processed: message_ids(messages), ..Head::default() };
    StreamWrite { head, ..at(name, version, vec![]) }
}

async fn head<S: Store>(store: &S, name: &str) -> Head {
    load(store, name).await.head.expect("the stream exists")
}

/// Loads a stream in a transaction.
async fn loaded<S: Store>(store: &S, request: StreamRequest) -> StoredStream {
    let (sender, receiver) = std::sync::mpsc::channel();
    let script = Script::new(move |mut loaded| match loaded.streams.pop() {
        None => Ok(Step::Load(vec![request.clone()])),
        Some((_, stored)) => {
            sender.send(stored).expect("the receiver exists");
            Ok(Step::Write(Writes::default()))
        }
    });
    store.transact(script).await.1.expect("commits");
    receiver.recv().expect("the second step ran")
}

#[test]
fn message_ids_contain_exactly_the_added_ids() {
    let ids = message_ids(&[1, 2, 3]);
    assert!((1..=3).all(|id| ids.contains(Uuid::from_u128(id))));
    assert!(!ids.contains(Uuid::from_u128(4)));
    assert!(!ids.contains(Uuid::from_u128(2 << 64)), "not across the border of two ids");
    assert!(!MessageIds::default().contains(Uuid::nil()));
}

pub(crate) async fn stream_without_events_keeps_its_processed_ids(database: impl Fixture) {
    let store = database.open().await;
    let write = append(&store, || processed("A", 0, &[1])).await;
    assert_eq!(write.range, None);
    let expected = Head { processed: message_ids(&[1]), ..Head::default() };
    let stored = load(&store, "A").await;
    assert_eq!((stored.version, stored.head.as_ref(), stored.events.len()), (0, Some(&expected), 0));
    assert_eq!(loaded(&store, request("A", 0)).await, stored, "the same in a transaction");

    // The stream exists, so a second write must not create it.
    append(&store, || StreamWrite { is_new: false, ..processed("A", 0, &[1, 2]) }).await;
    assert_eq!(head(&store, "A").await.processed, message_ids(&[1, 2]));
    drop(store);
    assert_eq!(head(&database.open().await, "A").await.processed, message_ids(&[1, 2]));
}

pub(crate) async fn stream_without_events_is_not_listed(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || processed("A", 0, &[1])).await;
    let listed = async |status: Option<&str>| {
        let status = status.map(str::to_owned);
        let page = store.list(Listing { category: "counter", status, before: None, limit: 10 }).await.expect("lists");
        page.heads.into_iter().map(|head| head.stream).collect::<Vec<_>>()
    };
    assert_eq!((listed(None).await, listed(Some("open")).await), (vec![], vec![]));
    append(&store, || StreamWrite { is_new: false, ..at("A", 0, vec![numbered(1)]) }).await;
    assert_eq!((listed(None).await, listed(Some("open")).await), (vec![stream("A")], vec![stream("A")]));
}

/// Also if status and timer do not change with the first event.
pub(crate) async fn first_event_sets_correlation_id_and_trace(database: impl Fixture) {
    let store = database.open().await;
    for (name, metadata_changed) in [("A", true), ("B", false)] {
        append(&store, move || processed(name, 0, &[1])).await;
        let before = head(&store, name).await;
        assert_eq!((before.correlation_id, before.trace.as_str()), (None, ""));
        append(&store, move || StreamWrite { is_new: false, metadata_changed, ..at(name, 0, vec![numbered(1)]) }).await;
        let after = head(&store, name).await;
        assert_eq!((after.correlation_id, after.trace.as_str()), (Some(CORRELATION), TRACE));
    }
}

/// The head of a stream after three public events.
fn full() -> Head {
    Head {
        correlation_id: Some(CORRELATION),
        trace: TRACE.into(),
        published: 3,
        processed: message_ids(&[7, 8]),
        wave: Some(Uuid::from_u128(9)),
    }
}

pub(crate) async fn head_survives_reopening(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || StreamWrite { head: full(), ..at("new", 0, vec![public(1, 1), public(2, 2), public(3, 3)]) })
        .await;
    append(&store, || at("old", 0, vec![public(1, 1)])).await;
    append(&store, || StreamWrite {
        head: full(),
        metadata_changed: false,
        ..at("old", 1, vec![public(2, 2), public(3, 3)])
    })
    .await;
    drop(store);
    let store = database.open().await;
    assert_eq!((head(&store, "new").await, head(&store, "old").await), (full(), full()));
    let without_wave = || Head { wave: None, ..full() };
    append(&store, move || StreamWrite { head: without_wave(), ..at("old", 3, vec![]) }).await;
    assert_eq!(head(&store, "old").await, without_wave());
}

/// Also if the other writer appended no event, so that the version is the same.
pub(crate) async fn head_of_another_writer_is_returned(database: impl Fixture) {
    let (store, other) = (database.open().await, database.open().await);
    append(&store, || at("A", 0, vec![public(1, 1), public(2, 2), public(3, 3)])).await;
    append(&other, || StreamWrite { head: full(), ..at("A", 3, vec![]) }).await;
    let stored = loaded(&store, request("A", 3)).await;
    assert_eq!((stored.version, stored.head, stored.events.len()), (3, Some(full()), 0));
    append(&other, || StreamWrite { head: Head { published: 4, ..full() }, ..at("A", 3, vec![public(4, 4)]) }).await;
    let stored = loaded(&store, request("A", 3)).await;
    assert_eq!((stored.version, stored.head.map(|head| head.published), stored.events.len()), (4, Some(4), 1));
}
