//! Batches on a real store.

mod audit;
mod fixture;
mod rejected;
mod waves;

use cloudevent::{Contract, CorrelationId, Envelope, EventId};
use store::{AsOf, Store as _};
use telemetry::Trace;
use uuid::Uuid;

use self::fixture::{Command, CounterEvent, Instance, POISON, count, counter, message, plain, request, stream_of};
use crate::{
    call::StoredCall,
    input::{Cause, CommandInput, Input},
    process::stream::SNAPSHOT_INTERVAL,
    publish,
};

#[tokio::test]
async fn command_sees_effects_of_earlier_commands_in_its_batch() {
    let instance = Instance::new();
    instance.run((0..3).map(|_| count(7)).collect()).await;
    assert_eq!(instance.count(7).await, 3);
    assert_eq!(instance.public().await.len(), 1, "the third count publishes");
}

#[tokio::test]
async fn message_takes_effect_once_in_one_batch_and_later() {
    let instance = Instance::new();
    instance.run(vec![message(7, 1), message(7, 1), message(7, 2)]).await;
    assert_eq!(instance.count(7).await, 2);

    let (duplicate, decision) = request(7, Some(2));
    instance.run(vec![duplicate]).await;
    let decision = decision.await.expect("a reply").expect("no failure");
    assert_eq!(decision.events, [], "a duplicate has no effect");
    assert_eq!(decision.state.get(&counter(7)), Some(&2), "its client receives the state");
    assert_eq!(instance.count(7).await, 2);
}

#[tokio::test]
async fn message_without_effect_is_remembered() {
    let instance = Instance::new();
    // Counter 1 does not exist, so the message is about a stream without events.
    let nothing = || {
        let message = Some(Uuid::from_u128(1));
        Input::Command(CommandInput { message, ..plain(Command::Nothing(counter(1))) })
    };
    instance.run(vec![nothing()]).await;
    let stored = instance.store.load(stream_of(counter(1)), AsOf::Latest).await.expect("the stream loads");
    assert_eq!(stored.version, 0);
    assert!(stored.head.expect("the stream exists").processed.contains(Uuid::from_u128(1)));
    instance.forget();
    instance.run(vec![message(1, 1), message(1, 2)]).await;
    assert_eq!(instance.count(1).await, 1, "the first message was processed before");
}

#[tokio::test]
async fn public_events_are_numbered_within_their_stream() {
    let instance = Instance::new();
    instance.run((0..9).flat_map(|_| [count(7), count(8)]).collect()).await;
    instance.another().run((0..3).map(|_| count(7)).collect()).await;
    instance.run((0..3).map(|_| count(8)).collect()).await;
    for number in [7, 8] {
        let entries = instance.public().await.into_iter().filter(|entry| entry.stream == stream_of(counter(number)));
        let sequences = entries.map(|entry| entry.event.publication.expect("a public event").sequence);
        assert_eq!(sequences.collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}

#[tokio::test]
async fn stream_is_loaded_when_an_earlier_decision_requires_it() {
    let instance = Instance::new();
    instance.run(vec![count(1), count(2)]).await;
    // Counter 1 is at 1. The first command makes it 2, so the second command counts counter 2.
    instance.run(vec![count(1), Input::Command(plain(Command::CountNext(counter(1))))]).await;
    assert_eq!(instance.count(1).await, 2);
    assert_eq!(instance.count(2).await, 2, "the stored count is included");
}

#[tokio::test]
async fn events_of_another_instance_are_seen() {
    let instance = Instance::new();
    instance.run(vec![count(7)]).await;
    instance.another().run(vec![count(7)]).await;
    instance.run(vec![count(7)]).await;
    assert_eq!(instance.count(7).await, 3);
    assert_eq!(instance.public().await.len(), 1, "the third count publishes");
}

#[tokio::test]
async fn time_never_decreases_within_a_stream() {
    let (instance, earlier) = (Instance::new(), "2026-11-23T09:00:00Z");
    let counts = |times: u64| (0..times).map(|_| count(7)).collect();
    instance.run(counts(1)).await;
    instance.another().run_at(earlier, counts(1)).await;
    instance.run_at(earlier, counts(1)).await;
    instance.run(counts(SNAPSHOT_INTERVAL - 3)).await;
    instance.another().run_at(earlier, counts(1)).await;
    let history = instance.store.history(stream_of(counter(7)), 0, 1000).await.expect("the history loads");
    let times = history.into_iter().map(|event| event.time);
    assert!(times.len() > 100 && times.is_sorted());
}

#[tokio::test]
async fn effects_of_a_failed_run_are_not_cached() {
    let instance = Instance::new();
    instance.run(vec![count(7)]).await;
    let (poison, decision) = request(POISON, None);
    instance.run(vec![count(7), poison]).await;
    assert!(decision.await.expect("a reply").is_err());
    instance.run(vec![count(7)]).await;
    assert_eq!(instance.count(7).await, 3);
}

#[tokio::test]
async fn published_event_equals_the_stored_event() {
    let instance = Instance::new();
    let correlation_id = CorrelationId(Uuid::from_u128(5));
    let cause = Cause {
        correlation_id: Some(correlation_id),
        event_id: Some(EventId(Uuid::from_u128(6))),
        hops: 4,
        trace: Trace::default(),
    };
    let third = CommandInput { cause: cause.clone(), ..plain(Command::Count(counter(7))) };
    let committed = instance.run(vec![count(7), count(7), Input::Command(third)]).await;

    let entry = instance.public().await.remove(0);
    let record = publish::record(
        &entry.stream,
        entry.event.clone(),
        None,
        &<CounterEvent as Contract>::TYPES[0],
        "http://schemas",
    );
    let header = |name: &str| record.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..]);
    let find = |ce_type: &str| <CounterEvent as Contract>::TYPES.iter().find(|known| known.is(ce_type));
    let Ok(Envelope::Known { meta, .. }) = cloudevent::read(&record.topic, header, find) else {
        panic!("the published record violates its contract")
    };
    assert_eq!((meta.correlation_id, meta.causation_id, meta.hops), (correlation_id, cause.event_id, 4));
    assert_eq!(meta.sequence, Some(1), "the first event about its subject");
    assert_eq!(meta.time.to_string(), "2026-11-23T10:00:00.000001Z", "whole microseconds");

    let history = instance.store.history(stream_of(counter(7)), 0, 10).await.expect("the history loads");
    let stored = history.last().expect("events");
    assert_eq!((stored.id, stored.time), (meta.id, meta.time));
    assert_eq!(committed.intents[0].position, entry.position);
    let intent = &committed.intents[0].intent;
    assert_eq!(intent.event_id, meta.id, "the id of the requesting event identifies the call");
    let call: StoredCall<String> = serde_json::from_str(&intent.body).expect("a call");
    assert_eq!(call.cause, cause, "the response continues the cause");
}

#[tokio::test]
async fn long_stream_is_loaded_from_its_snapshot() {
    let instance = Instance::new();
    for run in 0..5 {
        if run == 3 {
            instance.forget();
        }
        instance.run((0..90).map(|_| count(7)).collect()).await;
    }
    let stored = instance.store.load(stream_of(counter(7)), AsOf::Latest).await.expect("the stream loads");
    assert_eq!(stored.version, 600, "450 counts and 150 public events");
    assert!((stored.events.len() as u64) < SNAPSHOT_INTERVAL, "{} events since the snapshot", stored.events.len());
    assert_eq!(instance.count(7).await, 450);
}

/// The dispatcher skips calls behind its cursor.
#[tokio::test]
async fn calls_are_in_the_order_of_their_positions() {
    let instance = Instance::new();
    let counts = (1..=20).flat_map(|number| [count(number), count(number), count(number)]);
    let committed = instance.run(counts.collect()).await;
    let positions: Vec<_> = committed.intents.iter().map(|open| open.position).collect();
    assert!(positions.len() == 20 && positions.is_sorted(), "{positions:?}");
}

#[tokio::test]
async fn response_closes_its_call_once() {
    let instance = Instance::new();
    let committed = instance.run((0..3).map(|_| count(7)).collect()).await;
    let call = &committed.intents[0];
    let (event_id, position) = (call.intent.event_id, call.position);
    let response = || {
        let (message, answers) = (Some(event_id.0), Some(position));
        Input::Command(CommandInput { message, answers, ..plain(Command::Count(counter(8))) })
    };
    instance.run(vec![response()]).await;
    assert!(instance.store.intents(0, 10).await.expect("the calls load").intents.is_empty());
    instance.run(vec![response()]).await;
    assert_eq!(instance.count(8).await, 1, "a repeated response has no effect");
}
