//! Streams to publish again.

use store::{Replay, Store, Writes};
use uuid::Uuid;

use crate::fixture::{Fixture, at, stream, try_write, write};

/// Names and waves of the open replays, with their positions.
async fn open<S: Store>(store: &S, limit: usize) -> Vec<(i64, String, u128)> {
    let replays = store.replays(limit).await.expect("reads");
    replays
        .into_iter()
        .map(|open| (open.position, open.replay.stream.id().to_owned(), open.replay.wave.as_u128()))
        .collect()
}

fn replays(of: &'static [(&'static str, u128)]) -> Writes {
    let replay = |(name, wave): &(&str, u128)| Replay { stream: stream(name), wave: Uuid::from_u128(*wave) };
    Writes { replays: of.iter().map(replay).collect(), ..Writes::default() }
}

pub(crate) async fn replays_are_open_until_finished(database: impl Fixture) {
    let store = database.open().await;
    assert_eq!(open(&store, 10).await, []);
    write(&store, || replays(&[("B", 1), ("A", 2)])).await;
    write(&store, || replays(&[("B", 3)])).await;
    let all = open(&store, 10).await;
    let names = |open: &[(i64, String, u128)]| open.iter().map(|one| (one.1.clone(), one.2)).collect::<Vec<_>>();
    assert_eq!(names(&all), [("B".to_owned(), 1), ("A".to_owned(), 2), ("B".to_owned(), 3)], "the oldest first");
    assert_eq!(open(&store, 2).await, all[..2]);

    store.delete_replays(vec![all[0].0, all[2].0, i64::MAX]).await.expect("writes");
    drop(store);
    let store = database.open().await;
    assert_eq!(open(&store, 10).await, all[1..2]);
    write(&store, || replays(&[("C", 4)])).await;
    assert!(open(&store, 10).await[1].0 > all[2].0, "positions are never reused");
}

pub(crate) async fn replay_of_a_failed_transaction_is_not_open(database: impl Fixture) {
    let store = database.open().await;
    let writes = || Writes { streams: vec![at("unknown", 1, vec![])], ..replays(&[("A", 1)]) };
    try_write(&store, writes).await.expect_err("conflicts");
    assert_eq!(open(&store, 10).await, []);
}
