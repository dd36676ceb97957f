//! Open provider calls.

use store::{Store, Writes};

use crate::fixture::{Fixture, append, at, calls, event_id, intent, numbered, open_intents, public, write};

pub(crate) async fn intents_have_the_positions_of_their_events(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    let committed = write(&store, || {
        let mut writes = calls("A", 1, &[3, 1]);
        writes.streams.insert(0, at("B", 0, vec![public(9, 1), numbered(9)]));
        writes.intents.reverse();
        writes
    })
    .await;
    let open = store.intents(0, 10).await.expect("reads").intents;
    let places = |intents: &[store::OpenIntent]| {
        intents.iter().map(|open| (open.position, open.intent.event_id)).collect::<Vec<_>>()
    };
    let mut returned = places(&committed.intents);
    returned.sort_unstable();
    assert_eq!(places(&open), returned);
    assert_eq!(open[1].intent.body, intent(1).body);
    let events: Vec<_> = committed.events().map(|(position, _, event)| (position, event.id)).collect();
    assert_eq!(places(&open), events[2..]);
}

pub(crate) async fn intents_are_open_until_closed_by_position(database: impl Fixture) {
    let store = database.open().await;
    let first = write(&store, || calls("A", 0, &[1, 2])).await.intents;
    write(&store, || calls("A", 2, &[3])).await;
    assert_eq!(open_intents(&store).await, [event_id(1), event_id(2), event_id(3)]);

    let second = first[1].position;
    let answered = move || Writes { answered: vec![second, i64::MAX], ..Writes::default() };
    write(&store, answered).await;
    assert_eq!(open_intents(&store).await, [event_id(1), event_id(3)]);
    assert_eq!(store.intents_len().await.expect("reads"), 2);
    write(&store, answered).await;
    assert_eq!(open_intents(&store).await, [event_id(1), event_id(3)], "a second answer has no effect");
    drop(store);
    assert_eq!(open_intents(&database.open().await).await, [event_id(1), event_id(3)]);
}

/// The position up to which a page is complete is that of its last intent, or the end of the log.
pub(crate) async fn intents_are_read_in_pages(database: impl Fixture) {
    let store = database.open().await;
    write(&store, || calls("A", 0, &[1, 2, 3])).await;
    let end = append(&store, || at("A", 3, vec![numbered(4)])).await.range.expect("appended").through;
    let page = store.intents(0, 2).await.expect("reads");
    assert_eq!((page.intents.len(), page.through), (2, page.intents[1].position));
    // The cursor is irrelevant for intents that a reader has not passed.
    store.advance_cursor(end).await.expect("writes");
    let rest = store.intents(page.through, 2).await.expect("reads");
    assert_eq!((rest.intents[0].intent.event_id, rest.intents.len(), rest.through), (event_id(3), 1, end));
    let none = store.intents(rest.through, 2).await.expect("reads");
    assert_eq!((none.intents.len(), none.through), (0, end));
}

/// For example, the answer to a late capture requests a refund.
pub(crate) async fn intent_is_closed_by_a_transaction_that_opens_others(database: impl Fixture) {
    let store = database.open().await;
    let position = write(&store, || calls("A", 0, &[1])).await.intents[0].position;
    write(&store, move || Writes { answered: vec![position], ..calls("A", 1, &[2]) }).await;
    assert_eq!(open_intents(&store).await, [event_id(2)]);
}
