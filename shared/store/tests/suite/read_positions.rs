//! Positions of a reader.

use store::{ReadPosition, Store, Writes};

use crate::fixture::{Fixture, write};

pub(crate) fn position(topic: &str, partition: i32, next: i64) -> ReadPosition {
    ReadPosition { topic: topic.to_owned(), partition, next }
}

pub(crate) async fn read_positions_are_those_of_the_last_commit(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(store.read_positions().await.expect("reads"), []);
    let positions = || vec![position("b.events", 0, 7), position("a.events", 1, 5), position("a.events", 0, 3)];
    write(&store, move || Writes { read_positions: positions(), ..Writes::default() }).await;
    write(&store, || Writes { read_positions: vec![position("a.events", 1, 9)], ..Writes::default() }).await;
    drop(store);

    let store = database.open().await;
    let expected = [position("a.events", 0, 3), position("a.events", 1, 9), position("b.events", 0, 7)];
    assert_eq!(store.read_positions().await.expect("reads"), expected);
    // A topic that was created again starts at lower offsets.
    write(&store, || Writes { read_positions: vec![position("b.events", 0, 1)], ..Writes::default() }).await;
    assert_eq!(store.read_positions().await.expect("reads")[2], position("b.events", 0, 1));
}
