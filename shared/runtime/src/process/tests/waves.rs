//! Streams join waves, so that their public events are published again.

use store::{AsOf, OpenReplay, Replay, Store as _};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::fixture::{Command, Counter, Instance, count, counter, plain, stream_of};
use crate::input::{CommandInput, Input, ReplayInput};

/// Id of the wave with this number.
fn wave_id(number: u64) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(number, &[0; 10]).into_uuid()
}

/// A count that follows from an event which was published again.
fn replayed(number: u128, message: u128, wave: u64) -> Input<Counter> {
    let (message, wave) = (Some(Uuid::from_u128(message)), Some(wave_id(wave)));
    Input::Command(CommandInput { message, wave, ..plain(Command::Count(counter(number))) })
}

/// The open replays, which are finished then.
async fn replays(instance: &Instance) -> Vec<Replay> {
    let open = instance.store.replays(100).await.expect("the replays load");
    instance.store.delete_replays(open.iter().map(|open| open.position).collect()).await.expect("they are deleted");
    open.into_iter().map(|OpenReplay { replay, .. }| replay).collect()
}

fn replay(number: u128, wave: u64) -> Replay {
    Replay { stream: stream_of(counter(number)), wave: wave_id(wave) }
}

/// An instance in which counter 7 has a public event.
async fn published() -> Instance {
    let instance = Instance::new();
    instance.run((0..3).map(|_| count(7)).collect()).await;
    instance
}

#[tokio::test]
async fn stream_joins_a_wave_once() {
    let instance = published().await;
    instance.run(vec![replayed(7, 1, 10), replayed(7, 2, 10)]).await;
    assert_eq!(replays(&instance).await, [replay(7, 10)]);
    instance.forget();
    instance.run(vec![replayed(7, 3, 10)]).await;
    assert_eq!(replays(&instance).await, []);
    instance.run(vec![replayed(7, 4, 11)]).await;
    assert_eq!(replays(&instance).await, [replay(7, 11)]);
    assert_eq!(instance.count(7).await, 7, "new events take effect");
}

/// Otherwise two waves would cause each other forever.
#[tokio::test]
async fn stream_does_not_join_an_earlier_wave() {
    let instance = published().await;
    instance.run(vec![replayed(7, 1, 11), replayed(7, 2, 10), replayed(7, 3, 11)]).await;
    assert_eq!(replays(&instance).await, [replay(7, 11)]);
}

/// Otherwise a forged record would keep its stream from joining real waves.
#[tokio::test]
async fn stream_joins_no_wave_from_the_future() {
    let instance = published().await;
    let tomorrow = "2026-11-24T10:00:00Z".parse::<jiff::Timestamp>().expect("a time").as_millisecond();
    instance.run(vec![replayed(7, 1, tomorrow.unsigned_abs()), replayed(7, 2, 10)]).await;
    assert_eq!(replays(&instance).await, [replay(7, 10)]);
}

#[tokio::test]
async fn duplicate_joins_a_wave_without_effect() {
    let instance = published().await;
    instance.run(vec![replayed(7, 1, 10)]).await;
    replays(&instance).await;
    instance.run(vec![replayed(7, 1, 11)]).await;
    assert_eq!(replays(&instance).await, [replay(7, 11)]);
    assert_eq!(instance.count(7).await, 4);
}

#[tokio::test]
async fn stream_without_public_events_joins_no_wave() {
    let instance = Instance::new();
    instance.run(vec![replayed(7, 1, 10), replayed(7, 2, 10), replayed(7, 3, 10)]).await;
    assert_eq!(replays(&instance).await, [], "its event is published after the wave reached it");
}

#[tokio::test]
async fn operator_starts_a_wave_at_an_existing_stream() {
    let instance = published().await;
    let start = async |number, wave| {
        let (reply, joined) = oneshot::channel();
        let (stream, wave) = (stream_of(counter(number)), wave_id(wave));
        instance.run(vec![Input::Replay(ReplayInput { stream, wave, reply })]).await;
        joined.await.expect("a reply")
    };
    assert!(start(7, 10).await);
    assert!(!start(7, 10).await, "once for each wave");
    assert!(!start(8, 10).await);
    assert_eq!(replays(&instance).await, [replay(7, 10)]);
    let unknown = instance.store.load(stream_of(counter(8)), AsOf::Latest).await.expect("loads");
    assert_eq!(unknown.head, None, "an unknown stream is not created");
}

#[tokio::test]
async fn event_starts_a_wave_of_its_stream() {
    let instance = published().await;
    instance.run(vec![Input::Command(plain(Command::Heal(counter(7))))]).await;
    let started = replays(&instance).await;
    assert_eq!(started.len(), 1);
    let head = instance.store.load(stream_of(counter(7)), AsOf::Latest).await.expect("loads").head;
    assert_eq!(head.expect("the stream exists").wave, Some(started[0].wave), "it does not answer its own wave");
}
