//! What the broker itself can take: the bound of anything built on it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use contracts::{Contract, order::OrderEvent};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use serde::Serialize;

use crate::topics::Topics;

/// How long records are produced.
const PRODUCING: Duration = Duration::from_secs(5);

/// How long the last of them may take.
const FLUSHING: Duration = Duration::from_secs(30);

/// About what an event takes with its headers.
const RECORD_BYTES: usize = 900;

/// Acknowledgements are collected once in so many records.
const COLLECT_EVERY: u64 = 256;

const TOPIC: &str = "raw";

/// How much can be produced.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Limit {
    pub(crate) records_per_second: f64,
    pub(crate) record_bytes: usize,
}

/// Produces as fast as one producer can that loses and doubles nothing, into a topic like the services' own.
///
/// # Errors
/// The broker does not take the records.
pub(crate) fn measure(topics: &Topics<'_>) -> Result<Limit> {
    topics.make_like(TOPIC, OrderEvent::TOPIC)?;
    let mut config = topics.client();
    config.set("enable.idempotence", "true").set("acks", "all");
    let producer: BaseProducer = config.create().context("cannot make a Kafka producer")?;
    let started = Instant::now();
    produce(&producer, &topics.full_name(TOPIC), started + PRODUCING)?;
    producer.flush(FLUSHING).context("the broker does not take what was produced")?;
    let elapsed = started.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    let records = topics.records(TOPIC)? as f64;
    Ok(Limit { records_per_second: records / elapsed.as_secs_f64(), record_bytes: RECORD_BYTES })
}

fn produce(producer: &BaseProducer, topic: &str, until: Instant) -> Result<()> {
    let payload = [b'x'; RECORD_BYTES];
    let mut number = 0_u64;
    while Instant::now() < until {
        let key = number.to_be_bytes();
        match producer.send(BaseRecord::to(topic).key(&key).payload(&payload)) {
            Ok(()) => number += 1,
            Err((error, _)) if is_full(&error) => producer.poll(Duration::from_millis(1)),
            Err((error, _)) => return Err(error).context("the raw limit"),
        }
        if number.is_multiple_of(COLLECT_EVERY) {
            producer.poll(Duration::ZERO);
        }
    }
    Ok(())
}

fn is_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}
