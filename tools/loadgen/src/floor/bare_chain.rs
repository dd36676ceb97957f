//! Latency of a record that passes through several topics without storage or work.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use contracts::{EventData as _, order::OrderPlaced};
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::environment::topics::{BenchTopics, StartOffset};
use crate::load::schedule::Schedule;
use crate::observe::follower::TopicFollower;
use crate::results::latency::{Latencies, Percentiles};

/// Records per second: so few that each finds an idle machine.
const RATE: f64 = 20.0;

const RECORDS: u64 = 100;

/// Records before those, while the clients connect.
const WARM_UP: u64 = 20;

/// Approximate size of an event with its headers.
const RECORD_BYTES: usize = 900;

/// Timeout for the last record, and for the end of the producers.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends single records through `hops` topics, whose names start with `name`. Between two topics, a thread passes each
/// record from its consumer to its producer.
///
/// # Errors
/// The broker refuses, or a record is lost.
pub(super) fn measure(topics: &BenchTopics<'_>, name: &str, hops: usize) -> Result<Percentiles> {
    let names: Vec<_> = (0..hops).map(|hop| format!("{name}-{hop}")).collect();
    for name in &names {
        topics.make_like(name, OrderPlaced::TYPE.topic)?;
    }
    let (seen, ends) = mpsc::channel();
    let relays = names.windows(2).map(|pair| relay(topics, &pair[0], &pair[1]));
    let mut followers = relays.collect::<Result<Vec<_>>>()?;
    followers.push(TopicFollower::start("chain end", consumer(topics, &names[hops - 1])?, move |message| {
        if let Some(number) = number(message) {
            seen.send((number, Instant::now())).ok();
        }
    })?);
    let sent = send(topics, &names[0])?;
    let mut latencies = Latencies::default();
    for _ in 0..sent.len() {
        let (number, at) = ends.recv_timeout(TIMEOUT).context("a record did not arrive")?;
        if number >= WARM_UP {
            let index = usize::try_from(number)?;
            latencies.record(at.saturating_duration_since(*sent.get(index).context("unknown record")?));
        }
    }
    Ok(latencies.percentiles())
}

/// Sends all records at their times. Returns the times.
fn send(topics: &BenchTopics<'_>, first: &str) -> Result<Vec<Instant>> {
    let (producer, topic) = (producer(topics)?, topics.full_name(first));
    let started = Instant::now();
    let mut sent = Vec::new();
    for (number, time) in (0..).zip(Schedule::new(RATE, WARM_UP + RECORDS).times()) {
        thread::sleep((started + time).saturating_duration_since(Instant::now()));
        sent.push(Instant::now());
        pass_on(&producer, &topic, number, &[b'x'; RECORD_BYTES])?;
    }
    producer.flush(TIMEOUT)?;
    Ok(sent)
}

/// Passes the records of a topic to the next one.
fn relay(topics: &BenchTopics<'_>, from: &str, to: &str) -> Result<TopicFollower> {
    let (producer, to) = (producer(topics)?, topics.full_name(to));
    TopicFollower::start(from, consumer(topics, from)?, move |message| {
        // A lost record is an error at the end of the chain.
        if let (Some(number), Some(payload)) = (number(message), message.payload()) {
            pass_on(&producer, &to, number, payload).ok();
        }
    })
}

fn pass_on(producer: &BaseProducer, topic: &str, number: u64, payload: &[u8]) -> Result<()> {
    let key = number.to_be_bytes();
    producer.send(BaseRecord::to(topic).key(&key).payload(payload)).map_err(|(error, _)| error)?;
    // Takes the acknowledgements of earlier records.
    producer.poll(Duration::ZERO);
    Ok(())
}

fn number(message: &BorrowedMessage<'_>) -> Option<u64> {
    Some(u64::from_be_bytes(message.key()?.try_into().ok()?))
}

/// A producer with the settings of a service's.
fn producer(topics: &BenchTopics<'_>) -> Result<BaseProducer> {
    let mut config = topics.client();
    config.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
    config.create().context("failed to create a Kafka producer")
}

fn consumer(topics: &BenchTopics<'_>, topic: &str) -> Result<BaseConsumer> {
    topics.reader(&[topic], StartOffset::FromBeginning)
}
