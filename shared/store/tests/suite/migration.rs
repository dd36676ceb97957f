//! Migration of a database of schema version 2, which has an inbox and an outbox, to one log.

use std::fmt::Write as _;

use cloudevent::CorrelationId;
use store::{Head, Publication, Store, StoredStream};
use uuid::Uuid;

use crate::{
    fixture::{
        TRACE, append, at, event_id, first_input, fold, ids, load, open_intents, public, second, snapshot, stream,
        unpublished_letters,
    },
    parked::assert_migrated_and_usable,
};

/// Number of public events before those that the tests check: the cursor stays behind by 10,000.
const BULK: i64 = 10_100;

/// The SQL of a database system.
pub(crate) struct Dialect {
    pub(crate) id: fn(u128) -> String,
    pub(crate) random_id: &'static str,
    pub(crate) bytes: fn(&[u8]) -> String,
    /// Seconds since 1970.
    pub(crate) time: fn(&str) -> String,
    /// Suffix of columns with a time.
    pub(crate) time_suffix: &'static str,
    /// Allows an insert to set a generated column.
    pub(crate) overriding: &'static str,
}

/// Events with stream, version, number, schema and second. The clock of the fourth ran backwards.
const EVENTS: [(i64, u64, u128, &str, u64); 5] = [
    (1, 1, 1, "2026-11", 101),
    (2, 1, 2, "2026-11", 102),
    (1, 2, 3, "private", 104),
    (1, 3, 4, "2026-11", 103),
    (2, 2, 5, "private", 105),
];

/// The rows of a database of version 2: streams A and B after a long one, a parked record, two processed messages, and open
/// calls. The events 2 and 4 and a dead letter are not published.
pub(crate) fn rows(dialect: &Dialect) -> String {
    let Dialect { id, random_id, bytes, time, time_suffix, overriding } = dialect;
    let at_second = |number: u64| time(&second(number).as_second().to_string());
    let mut sql = String::new();
    let mut add = |text: String| writeln!(sql, "{text};").expect("fits");
    for (number, name, version) in [(1, "counter-A", 3), (2, "counter-B", 2), (3, "counter-bulk", BULK)] {
        add(format!(
            "INSERT INTO streams (id, name, category, version, status, correlation, trace) {overriding}
             VALUES ({number}, '{name}', 'counter', {version}, 'open', {}, '{TRACE}')",
            id(90)
        ));
    }
    let columns = format!("stream, version, id, name, schema, data, time{time_suffix}, correlation, causation");
    let bulk_time = time(&format!("{} + number / 1000", second(0).as_second()));
    add(format!(
        "INSERT INTO events ({columns})
         WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {BULK})
         SELECT 3, number, {random_id}, 'Counted', '2026-11', '0', {bulk_time}, {}, NULL FROM numbers",
        id(90)
    ));
    for (stream, version, number, schema, seconds) in EVENTS {
        add(format!(
            "INSERT INTO events ({columns})
             VALUES ({stream}, {version}, {}, 'Counted', '{schema}', '{number}', {}, {}, {})",
            id(number),
            at_second(seconds),
            id(90),
            id(80)
        ));
    }
    add(format!(
        "INSERT INTO snapshots (stream, version, time{time_suffix}, state) VALUES (1, 2, {}, '[1,3]')",
        at_second(0)
    ));
    for number in [71, 72] {
        add(format!("INSERT INTO inbox VALUES ({}, {})", id(number), at_second(0)));
    }
    let payload = bytes(b"{}");
    for (position, topic) in [(BULK + 2, "order.dlq"), (BULK + 3, "order.events"), (BULK + 4, "order.events")] {
        add(format!(
            "INSERT INTO outbox VALUES ({position}, '{topic}', {}, {}, {payload}, {})",
            bytes(b"key"),
            bytes(b""),
            at_second(0)
        ));
    }
    for (position, number) in [(7, 3), (9, 5)] {
        add(format!("INSERT INTO intents VALUES ({position}, {}, '{{\"call\":{number}}}')", id(number)));
    }
    add(format!("UPDATE positions SET outbox = {}, intents = 9", BULK + 4));
    add(format!(
        "INSERT INTO parked (position, ordering_key, topic, partition, record_offset, timestamp_ms, key, headers, payload,
                             attempts, error, due{time_suffix}) {overriding}
         VALUES (41, '00000000-0000-0000-0000-000000abcdef', 'order.events', 3, 7, 1, NULL, {}, {payload}, 2, 'not now',
                 {})",
        bytes(b""),
        time("0")
    ));
    sql
}

/// Checks a migrated database.
pub(crate) async fn assert_migrated(store: &impl Store) {
    assert_log(store).await;
    assert_heads(store).await;
    let letters = unpublished_letters(store).await;
    assert_eq!(letters.iter().map(|(_, payload)| &**payload).collect::<Vec<_>>(), ["{}"]);
    let letter = store.dead_letters(10).await.expect("reads").remove(0).record;
    assert_eq!((&*letter.topic, letter.key.as_deref(), letter.headers.len()), ("order.dlq", Some(&b"key"[..]), 0));
    let intents = store.intents(0, 10).await.expect("reads").intents;
    assert_eq!(intents.iter().map(|open| open.position).collect::<Vec<_>>(), [BULK + 3, BULK + 5]);
    assert_eq!(open_intents(store).await, [event_id(3), event_id(5)]);
    assert_eq!(intents[0].intent.body, "{\"call\":3}");
    assert_eq!(first_input(store, &[71, 72, 73], vec![]).await.old_inbox, ids(&[71, 72]));
}

/// Events are in the order in which they were appended, and the unpublished ones are after the cursor.
async fn assert_log(store: &impl Store) {
    let cursor = store.cursor().await.expect("reads");
    assert!(cursor > 0 && cursor < BULK, "{cursor}");
    let page = store.tail(cursor, 20_000).await.expect("reads");
    let positions = page.entries.iter().map(|entry| entry.position);
    assert!(positions.eq((cursor + 1..=BULK + 2).chain([BULK + 4])), "all public events after the cursor, in order");
    let unpublished = store.unpublished().await.expect("reads").count;
    assert_eq!(usize::try_from(unpublished).expect("few"), page.entries.len());
    let last = &page.entries[page.entries.len() - 3..];
    let places = last.iter().map(|entry| {
        let sequence = entry.event.publication.as_ref().map(|publication| publication.sequence);
        (entry.position, entry.stream.id(), entry.event.version, sequence, entry.event.id.0.as_u128())
    });
    assert_eq!(
        places.collect::<Vec<_>>(),
        [(BULK + 1, "A", 1, Some(1), 1), (BULK + 2, "B", 1, Some(1), 2), (BULK + 4, "A", 3, Some(2), 4)]
    );
    let event = &last[2].event;
    assert_eq!(event.publication, Some(Publication { sequence: 2, hops: 0, trace: TRACE.into() }));
    assert_eq!((event.time, event.causation_id, &*event.data), (second(103), Some(event_id(80)), "4"));
}

async fn assert_heads(store: &impl Store) {
    let head = |published| Head {
        correlation_id: Some(CorrelationId(Uuid::from_u128(90))),
        trace: TRACE.into(),
        published,
        ..Head::default()
    };
    let loaded = load(store, "A").await;
    assert_eq!((loaded.version, fold(&loaded)), (3, vec![1, 3, 4]));
    let StoredStream { head: head_of_a, snapshot: snapshot_of_a, .. } = loaded;
    assert_eq!((head_of_a, snapshot_of_a), (Some(head(2)), Some(snapshot(2, &[1, 3]))));
    assert_eq!(load(store, "B").await.head, Some(head(1)));
    assert_eq!(load(store, "bulk").await.head, Some(head(BULK.unsigned_abs())));
    let history = store.history(stream("B"), 0, 10).await.expect("reads");
    assert_eq!(history.iter().map(|event| event.publication.is_some()).collect::<Vec<_>>(), [true, false]);
}

/// Checks that a migrated database accepts new events and parked records.
pub(crate) async fn assert_usable(store: &impl Store) {
    let end = store.tail(BULK + 2, 10).await.expect("reads").through;
    let range = append(store, || at("A", 3, vec![public(6, 3)])).await.range.expect("appended");
    assert_eq!(range.after, end);
    let entries = store.tail(end, 10).await.expect("reads").entries;
    assert_eq!(entries.iter().map(|entry| entry.position).collect::<Vec<_>>(), [range.after + 1]);
    assert_migrated_and_usable(store).await;
}

/// Checks a migrated database whose outbox was empty.
pub(crate) async fn assert_all_published(store: &impl Store) {
    assert_eq!(store.cursor().await.expect("reads"), BULK + 5);
    assert_eq!(store.unpublished().await.expect("reads").count, 0);
    assert_eq!(unpublished_letters(store).await, []);
    append(store, || at("A", 3, vec![public(6, 3)])).await;
    assert_eq!(store.unpublished().await.expect("reads").count, 1);
}
