//! Streams: events, snapshots, past states, lists and timers.

use cloudevent::CorrelationId;
use decider::StreamId;
use jiff::{SignedDuration, Timestamp};
use store::{AsOf, Head, Listing, SNAPSHOTS_KEPT, Store, StoredEvent, StoredStream, StreamSummary, StreamWrite};
use uuid::Uuid;

use crate::fixture::{
    CORRELATION, Fixture, TRACE, append, at, counted, event_id, fold, load, numbered, numbered_at, public, second,
    snapshot, stream,
};

pub(crate) async fn unknown_stream_is_empty(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("known", 0, vec![numbered(1)])).await;
    for up_to in [AsOf::Latest, AsOf::Version(1), AsOf::Time(second(9)), AsOf::Event(event_id(1))] {
        assert_eq!(store.load(stream("unknown"), up_to).await.expect("loads"), StoredStream::default());
    }
    assert_eq!(store.history(stream("unknown"), 0, 10).await.expect("reads"), []);
}

pub(crate) async fn events_load_as_appended(database: impl Fixture) {
    let store = database.open().await;
    let time: Timestamp = "2026-11-23T10:00:00.000001Z".parse().expect("a time");
    let event = move |number: u64, event: StoredEvent, data: &str| StoredEvent {
        id: event_id(number),
        data: data.to_owned(),
        time,
        causation_id: (number == 2).then(|| event_id(77)),
        ..event
    };
    let write_of = move || {
        let data = r#"{"name": "Zoë \u0000 'quoted' 🫖"}"#;
        at("A", 0, vec![event(1, public(1, 1), data), event(2, numbered(2), "{}")])
    };
    let StreamWrite { head, events, .. } = write_of();
    append(&store, write_of).await;

    assert_eq!(store.history(stream("A"), 0, 10).await.expect("reads"), events);
    assert_eq!(load(&store, "A").await, StoredStream { version: 2, head: Some(head), snapshot: None, events });
}

pub(crate) async fn stream_keeps_its_first_correlation_id_and_trace(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    append(&store, || {
        let correlation_id = CorrelationId(Uuid::from_u128(1));
        let head = Head { correlation_id: Some(correlation_id), trace: "another".into(), ..Head::default() };
        StreamWrite { head, ..at("A", 1, vec![StoredEvent { correlation_id, ..numbered(2) }]) }
    })
    .await;
    let StoredStream { head, events, .. } = load(&store, "A").await;
    let head = head.expect("exists");
    assert_eq!((head.correlation_id, head.trace.as_str()), (Some(CORRELATION), TRACE));
    let correlations: Vec<_> = events.iter().map(|event| event.correlation_id.0.as_u128()).collect();
    assert_eq!(correlations, [CORRELATION.0.as_u128(), 1]);
}

pub(crate) async fn streams_are_separate(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    append(&store, || at("B", 0, vec![numbered(10)])).await;
    append(&store, || at("A", 1, vec![numbered(2)])).await;
    assert_eq!(fold(&load(&store, "A").await), [1, 2]);
    assert_eq!(fold(&load(&store, "B").await), [10]);
}

/// Appends the numbers up to `last`, one write each, with snapshots at these versions. `time` returns each event's time.
async fn count<S: Store>(store: &S, last: u64, snapshots: &'static [u64], time: fn(u64) -> Timestamp) {
    for number in 1..=last {
        append(store, move || {
            let kept = snapshots.contains(&number).then(|| snapshot(number, &counted(number)));
            StreamWrite { snapshot: kept, ..at("A", number - 1, vec![numbered_at(number, time(number))]) }
        })
        .await;
    }
}

pub(crate) async fn loading_starts_at_the_latest_snapshot(database: impl Fixture) {
    let store = database.open().await;
    count(&store, 7, &[2, 5], second).await;
    let loaded = load(&store, "A").await;
    assert_eq!(loaded.version, 7);
    assert_eq!(loaded.snapshot, Some(snapshot(5, &[1, 2, 3, 4, 5])));
    assert_eq!(loaded.events.iter().map(|event| event.version).collect::<Vec<_>>(), [6, 7]);
    assert_eq!(fold(&loaded), [1, 2, 3, 4, 5, 6, 7]);
}

pub(crate) async fn state_as_of_version_folds_the_first_events(database: impl Fixture) {
    let store = database.open().await;
    count(&store, 7, &[2, 5, 7], second).await;
    for version in (0..=9).chain([u64::MAX]) {
        let loaded = store.load(stream("A"), AsOf::Version(version)).await.expect("loads");
        let last = version.min(7);
        assert_eq!((loaded.version, fold(&loaded)), (last, counted(last)), "at version {version}");
    }
}

pub(crate) async fn state_as_of_time_folds_the_first_events(database: impl Fixture) {
    let store = database.open().await;
    // Two events at every even second: 1 and 2 at the second second, 3 and 4 at the fourth, ...
    let even = |number: u64| second(number.div_ceil(2) * 2);
    count(&store, 8, &[3, 6], even).await;
    for now in 0..=10 {
        let last = (now / 2 * 2).min(8);
        for time in [second(now), second(now) + SignedDuration::from_micros(1)] {
            let loaded = store.load(stream("A"), AsOf::Time(time)).await.expect("loads");
            assert_eq!((loaded.version, fold(&loaded)), (last, counted(last)), "at {time}");
        }
    }
    let before = second(2) - SignedDuration::from_micros(1);
    assert_eq!(store.load(stream("A"), AsOf::Time(before)).await.expect("loads").version, 0);
    for (time, version) in [(Timestamp::MIN, 0), (Timestamp::MAX, 8)] {
        assert_eq!(store.load(stream("A"), AsOf::Time(time)).await.expect("loads").version, version);
    }
}

/// The clock of a machine may be set back, and that of a second instance may be slow. Every past state that is returned is one
/// that the stream really had.
pub(crate) async fn state_as_of_time_has_no_gaps_when_a_clock_ran_backwards(database: impl Fixture) {
    let store = database.open().await;
    let times = |number: u64| second([0, 10, 30, 20, 40, 35, 50][usize::try_from(number).expect("small")]);
    count(&store, 6, &[5], times).await;
    for now in (5..=55).step_by(5) {
        let loaded = store.load(stream("A"), AsOf::Time(second(now))).await.expect("loads");
        assert_eq!(fold(&loaded), counted(loaded.version), "at second {now}");
    }
}

pub(crate) async fn state_as_of_event_folds_up_to_that_event(database: impl Fixture) {
    let store = database.open().await;
    count(&store, 7, &[2, 5], second).await;
    for event in store.history(stream("A"), 0, 10).await.expect("reads") {
        let loaded = store.load(stream("A"), AsOf::Event(event.id)).await.expect("loads");
        assert_eq!((loaded.version, fold(&loaded)), (event.version, counted(event.version)));
        assert_eq!(loaded.head, load(&store, "A").await.head);
    }
}

pub(crate) async fn state_as_of_an_event_of_another_stream_is_empty(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || at("A", 0, vec![numbered(1)])).await;
    append(&store, || at("B", 0, vec![StoredEvent { id: event_id(7), ..numbered(2) }])).await;
    for event in [event_id(7), event_id(8)] {
        let loaded = store.load(stream("A"), AsOf::Event(event)).await.expect("loads");
        assert_eq!((loaded.version, fold(&loaded)), (0, vec![]));
    }
}

pub(crate) async fn history_is_paged_regardless_of_snapshots(database: impl Fixture) {
    let store = database.open().await;
    count(&store, 7, &[2, 5], second).await;
    let page = async |after, limit| {
        let events = store.history(stream("A"), after, limit).await.expect("reads");
        events.iter().map(|event| event.version).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 3).await, [1, 2, 3]);
    assert_eq!(page(3, 3).await, [4, 5, 6]);
    assert_eq!(page(6, 3).await, [7]);
    assert_eq!(page(7, 3).await, [0; 0]);
    assert_eq!(page(0, 0).await, [0; 0]);
}

pub(crate) async fn long_stream_loads_only_events_after_its_last_snapshot(database: impl Fixture) {
    const INTERVAL: u64 = 1_000;
    const LENGTH: u64 = 100_000;
    let store = database.open().await;
    for start in (0..LENGTH).step_by(usize::try_from(INTERVAL).expect("small")) {
        append(&store, move || {
            let events = (start + 1..=start + INTERVAL).map(numbered).collect();
            // The state of a real stream does not grow with its events: here it is the last number.
            let kept = snapshot(start + INTERVAL, &[start + INTERVAL]);
            StreamWrite { snapshot: Some(kept), ..at("A", start, events) }
        })
        .await;
    }
    append(&store, || at("A", LENGTH, (LENGTH + 1..LENGTH + INTERVAL).map(numbered).collect())).await;

    let last = LENGTH + INTERVAL - 1;
    for (up_to, version, events) in [
        (AsOf::Latest, last, INTERVAL - 1),
        (AsOf::Version(LENGTH), LENGTH, 0),
        (AsOf::Version(LENGTH / 2 + 7), LENGTH / 2 + 7, 7),
        (AsOf::Version(LENGTH / 2 - 1), LENGTH / 2 - 1, INTERVAL - 1),
        (AsOf::Time(second(LENGTH / 2 + 7)), LENGTH / 2 + 7, 7),
    ] {
        let loaded = store.load(stream("A"), up_to).await.expect("loads");
        assert_eq!((loaded.version, loaded.events.len() as u64), (version, events), "{up_to:?}");
        let expected: Vec<_> = (version - events..=version).collect();
        assert_eq!(fold(&loaded), expected, "{up_to:?}");
    }
}

pub(crate) async fn old_snapshots_are_thinned_out(database: impl Fixture) {
    let store = database.open().await;
    let kept = u64::try_from(SNAPSHOTS_KEPT).expect("few");
    for version in 1..=kept + 2 {
        append(&store, move || {
            let snapshot = Some(snapshot(version, &counted(version)));
            StreamWrite { snapshot, ..at("long", version - 1, vec![numbered(version)]) }
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

fn listing(status: Option<&str>, before: Option<i64>, limit: usize) -> Listing {
    Listing { category: "counter", status: status.map(str::to_owned), before, limit }
}

/// The stream names on all pages.
async fn pages<S: Store>(store: &S, status: Option<&str>, limit: usize) -> Vec<Vec<String>> {
    let mut pages = vec![];
    let mut before = None;
    loop {
        let page = store.list(listing(status, before, limit)).await.expect("lists");
        pages.push(page.heads.iter().map(|head| head.stream.id().to_owned()).collect());
        before = page.next;
        if before.is_none() {
            pages.retain(|page: &Vec<String>| !page.is_empty());
            return pages;
        }
    }
}

pub(crate) async fn streams_are_listed_newest_first_in_pages(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(pages(&store, None, 2).await, [[""; 0]; 0]);
    for name in ["A", "B", "C", "D", "E"] {
        append(&store, move || at(name, 0, vec![numbered(1)])).await;
    }
    append(&store, || at("A", 1, vec![numbered(2)])).await;
    append(&store, || StreamWrite {
        stream: StreamId::parse("other-X".into()).expect("a stream id"),
        ..at("A", 0, vec![numbered(1)])
    })
    .await;

    assert_eq!(pages(&store, None, 2).await, [vec!["E", "D"], vec!["C", "B"], vec!["A"]]);
    assert_eq!(pages(&store, None, 5).await, [["E", "D", "C", "B", "A"]]);
    let page = store.list(listing(None, None, 10)).await.expect("lists");
    assert_eq!(page.next, None);
    assert_eq!(page.heads[4], StreamSummary { stream: stream("A"), version: 2, status: "open".into() });

    // Streams created between two pages do not change the following pages.
    let first = store.list(listing(None, None, 2)).await.expect("lists");
    append(&store, || at("F", 0, vec![numbered(1)])).await;
    let second = store.list(listing(None, first.next, 2)).await.expect("lists");
    assert_eq!(second.heads.iter().map(|head| head.stream.id()).collect::<Vec<_>>(), ["C", "B"]);
}

pub(crate) async fn streams_are_listed_by_current_status(database: impl Fixture) {
    let store = database.open().await;
    for (name, status) in [("A", "open"), ("B", "closed"), ("C", "open"), ("D", "open")] {
        append(&store, move || StreamWrite { status, ..at(name, 0, vec![numbered(1)]) }).await;
    }
    assert_eq!(pages(&store, Some("open"), 2).await, [vec!["D", "C"], vec!["A"]]);
    append(&store, || StreamWrite { status: "closed", ..at("C", 1, vec![numbered(2)]) }).await;
    assert_eq!(pages(&store, Some("open"), 2).await, [["D", "A"]]);
    assert_eq!(pages(&store, Some("closed"), 2).await, [["C", "B"]]);
    assert_eq!(pages(&store, Some("unheard of"), 2).await, [[""; 0]; 0]);
}

async fn due<S: Store>(store: &S, now: Timestamp, limit: usize) -> Vec<String> {
    let due = store.due(now, limit).await.expect("reads");
    due.iter().map(|stream| stream.id().to_owned()).collect()
}

pub(crate) async fn streams_are_due_longest_overdue_first(database: impl Fixture) {
    let store = database.open().await;
    for (name, due) in [("A", Some(30)), ("B", Some(10)), ("C", None), ("D", Some(20))] {
        append(&store, move || StreamWrite { due: due.map(second), ..at(name, 0, vec![numbered(1)]) }).await;
    }
    let just_before = second(10) - SignedDuration::from_micros(1);
    assert_eq!(due(&store, just_before, 10).await, [""; 0]);
    assert_eq!(due(&store, second(10), 10).await, ["B"]);
    assert_eq!(due(&store, second(99), 10).await, ["B", "D", "A"]);
    assert_eq!(due(&store, second(99), 2).await, ["B", "D"]);
    assert_eq!(store.due_len(second(20)).await.expect("reads"), 2);
}

pub(crate) async fn stream_is_due_according_to_its_last_write(database: impl Fixture) {
    let store = database.open().await;
    append(&store, || StreamWrite { due: Some(second(10)), ..at("A", 0, vec![numbered(1)]) }).await;
    append(&store, || StreamWrite { due: Some(second(20)), ..at("A", 1, vec![numbered(2)]) }).await;
    assert_eq!(due(&store, second(10), 10).await, [""; 0]);
    assert_eq!(due(&store, second(20), 10).await, ["A"]);
    append(&store, || at("A", 2, vec![numbered(3)])).await;
    assert_eq!(due(&store, second(99), 10).await, [""; 0]);
}
