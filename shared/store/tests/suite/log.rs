//! The log: positions, the tail, and the cursor of the outbox.

use jiff::{SignedDuration, Timestamp};
use store::{LogPage, LogRange, Publication, Store, StoredEvent, Unpublished, Writes};

use crate::fixture::{
    Fixture, append, at, event_id, fold, load, numbered, public, public_numbers, second, stream, try_write, write,
};

pub(crate) async fn events_have_positions_in_commit_order(database: impl Fixture) {
    let store = database.open().await;
    let two = || vec![at("A", 0, vec![numbered(1), public(2, 1)]), at("B", 0, vec![public(3, 1)])];
    let first = write(&store, move || Writes { streams: two(), ..Writes::default() }).await;
    let second = append(&store, || at("A", 2, vec![public(4, 2)])).await;
    let committed: Vec<_> = first.events().chain(second.events()).collect();
    assert!(committed.is_sorted_by(|one, next| one.0 < next.0), "{committed:?}");
    assert!(committed[0].0 > 0, "0 is before all events: {committed:?}");
    let places: Vec<_> =
        committed.iter().map(|(_, stream, event)| (stream.id(), event.version, &*event.data)).collect();
    assert_eq!(places, [("A", 1, "1"), ("A", 2, "2"), ("B", 1, "3"), ("A", 3, "4")]);

    let expected: Vec<_> = committed.into_iter().filter(|(_, _, event)| event.publication.is_some()).collect();
    let tail = store.tail(0, 10).await.expect("reads").entries;
    let tail: Vec<_> = tail.into_iter().map(|entry| (entry.position, entry.stream, entry.event)).collect();
    assert_eq!(tail, expected);
}

pub(crate) async fn tail_returns_public_events_with_every_byte(database: impl Fixture) {
    let store = database.open().await;
    let event = || StoredEvent {
        version: 0,
        id: event_id(7),
        name: "OrderPlaced".into(),
        schema: "2026-11".into(),
        data: r#"{"name": "Zoë \u0000 'quoted' 🫖"}"#.into(),
        time: second(1) + SignedDuration::from_micros(1),
        causation_id: Some(event_id(6)),
        publication: Some(Publication { sequence: u64::from(u32::MAX) + 2, hops: u32::MAX, trace: "00-ü".into() }),
        ..numbered(1)
    };
    let without_trace =
        || StoredEvent { publication: Some(Publication { sequence: 1, hops: 0, trace: String::new() }), ..numbered(3) };
    append(&store, move || at("A", 0, vec![event(), numbered(2), without_trace()])).await;
    let expected = at("A", 0, vec![event(), numbered(2), without_trace()]).events;
    let entries = store.tail(0, 10).await.expect("reads").entries;
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[0].stream, &entries[0].event), (&stream("A"), &expected[0]));
    assert_eq!(StoredEvent { id: expected[2].id, ..entries[1].event.clone() }, expected[2]);
}

pub(crate) async fn empty_page_is_complete_through_internal_events(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(store.tail(0, 10).await.expect("reads"), LogPage::default());
    let range = append(&store, || at("A", 0, vec![numbered(1), numbered(2)])).await.range.expect("appended");
    let page = store.tail(0, 10).await.expect("reads");
    assert_eq!(page, LogPage { through: range.through, ..LogPage::default() });
    assert_eq!(store.tail(page.through, 10).await.expect("reads"), page, "nothing follows");
    append(&store, || at("A", 2, vec![public(3, 1)])).await;
    assert_eq!(public_numbers(&store, page.through).await, ["3"]);
}

pub(crate) async fn tail_with_a_limit_continues_after_its_last_event(database: impl Fixture) {
    let store = database.open().await;
    let events = || (1..=6).map(|number| if number == 3 { numbered(3) } else { public(number, number) }).collect();
    append(&store, move || at("A", 0, events())).await;
    append(&store, || at("A", 6, vec![public(7, 7)])).await;
    let last = append(&store, || at("A", 7, vec![numbered(8)])).await.range.expect("appended");
    let (mut pages, mut after) = (vec![], 0);
    while after < last.through {
        let page = store.tail(after, 2).await.expect("reads");
        assert!(page.through > after, "the reader advances: {page:?}");
        assert!(page.has_more || page.entries.len() < 2, "{page:?}");
        pages.push(page.entries.iter().map(|entry| entry.event.data.clone()).collect::<Vec<_>>().join(" "));
        after = page.through;
    }
    pages.retain(|page| !page.is_empty());
    assert_eq!(pages, ["1 2", "4 5", "6 7"]);
}

pub(crate) async fn ranges_of_consecutive_transactions_follow_each_other(database: impl Fixture) {
    let store = database.open().await;
    let mut ranges: Vec<LogRange> = vec![];
    for number in 0..5 {
        let committed = append(&store, move || at("A", 2 * number, vec![numbered(1), public(2, number + 1)])).await;
        let range = committed.range.expect("appended");
        let positions: Vec<_> = committed.events().map(|(position, ..)| position).collect();
        assert_eq!(positions, [range.after + 1, range.after + 2]);
        assert!(range.through >= positions[1]);
        ranges.push(range);
        assert_eq!(append(&store, move || at("A", 2 * number + 2, vec![])).await.range, None, "nothing is appended");
    }
    assert_eq!(ranges[0].after, 0);
    assert!(ranges.windows(2).all(|pair| pair[0].through == pair[1].after), "{ranges:?}");
}

/// A conflict takes no position that a later reader waits for.
pub(crate) async fn tail_continues_after_a_failed_transaction(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![public(1, 1)])).await;
    for _ in 0..3 {
        let conflicting = || vec![at("B", 0, vec![public(9, 1)]), at("A", 7, vec![public(9, 1)])];
        try_write(&store, move || Writes { streams: conflicting(), ..Writes::default() }).await.expect_err("conflicts");
    }
    append(&store, || at("A", 1, vec![public(2, 2)])).await;
    assert_eq!(public_numbers(&store, 0).await, ["1", "2"]);
    assert_eq!(fold(&load(&store, "B").await), [0; 0]);
}

pub(crate) async fn cursor_is_stored_alone_or_with_a_transaction(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(store.cursor().await.expect("reads"), 0);
    write(&store, || Writes { cursor: Some(5), ..Writes::default() }).await;
    assert_eq!(store.cursor().await.expect("reads"), 5);
    store.advance_cursor(7).await.expect("writes");
    assert_eq!(store.cursor().await.expect("reads"), 7);
    append(&store, || at("A", 0, vec![public(1, 1)])).await;
    assert_eq!(store.cursor().await.expect("reads"), 7, "other transactions leave it alone");
    drop(store);
    assert_eq!(database.open().await.cursor().await.expect("reads"), 7);
}

pub(crate) async fn cursor_never_moves_backwards(database: impl Fixture) {
    let (store, other) = (database.open().await, database.open().await);
    store.advance_cursor(7).await.expect("writes");
    other.advance_cursor(6).await.expect("writes");
    write(&other, || Writes { cursor: Some(5), ..Writes::default() }).await;
    assert_eq!(store.cursor().await.expect("reads"), 7);
    assert_eq!(other.cursor().await.expect("reads"), 7);
}

pub(crate) async fn unpublished_counts_public_events_after_the_cursor(database: impl Fixture) {
    let store = database.open().await;
    let unpublished = async || store.unpublished().await.expect("reads");
    let of = |count, oldest: Option<Timestamp>| Unpublished { count, oldest };
    assert_eq!(unpublished().await, of(0, None));
    let at_second = |number, sequence| StoredEvent { time: second(number), ..public(number, sequence) };
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    assert_eq!(unpublished().await, of(0, None));
    let write_of = move || at("A", 1, vec![at_second(30, 1), numbered(2), at_second(20, 2), at_second(40, 3)]);
    let positions: Vec<_> = append(&store, write_of).await.events().map(|(position, ..)| position).collect();
    assert_eq!(unpublished().await, of(3, Some(second(20))));
    store.advance_cursor(positions[0]).await.expect("writes");
    assert_eq!(unpublished().await, of(2, Some(second(20))));
    let cursor = positions[2];
    write(&store, move || Writes { cursor: Some(cursor), ..Writes::default() }).await;
    assert_eq!(unpublished().await, of(1, Some(second(40))));
    store.advance_cursor(positions[3]).await.expect("writes");
    assert_eq!(unpublished().await, of(0, None));
}
