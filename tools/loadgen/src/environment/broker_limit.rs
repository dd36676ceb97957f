//! Throughput of the broker alone: the upper bound for every suite on it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use contracts::{EventData as _, order::OrderPlaced};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use serde::Serialize;

use super::topics::BenchTopics;

/// Duration of the measurement.
const DURATION: Duration = Duration::from_secs(5);

/// Timeout for the last records.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

/// Approximate size of an event with its headers.
const RECORD_BYTES: usize = 900;

/// Number of records between two polls for acknowledgements.
const POLL_EVERY: u64 = 256;

const TOPIC: &str = "raw";

/// Measured throughput of the broker.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct BrokerLimit {
    pub(crate) records_per_second: f64,
    pub(crate) record_bytes: usize,
}

/// Produces with one idempotent producer as fast as possible, into a topic like the services' topics.
///
/// # Errors
/// The broker rejects the topic or the records.
pub(crate) fn measure(topics: &BenchTopics<'_>) -> Result<BrokerLimit> {
    topics.make_like(TOPIC, OrderPlaced::TYPE.topic)?;
    let mut config = topics.client();
    config.set("enable.idempotence", "true").set("acks", "all");
    let producer: BaseProducer = config.create().context("failed to create a Kafka producer")?;
    let started = Instant::now();
    produce(&producer, &topics.full_name(TOPIC), started + DURATION)?;
    producer.flush(FLUSH_TIMEOUT).context("failed to flush the produced records")?;
    let elapsed = started.elapsed();
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    let records = topics.records(TOPIC)? as f64;
    Ok(BrokerLimit { records_per_second: records / elapsed.as_secs_f64(), record_bytes: RECORD_BYTES })
}

fn produce(producer: &BaseProducer, topic: &str, until: Instant) -> Result<()> {
    let payload = [b'x'; RECORD_BYTES];
    let mut number = 0_u64;
    while Instant::now() < until {
        let key = number.to_be_bytes();
        match producer.send(BaseRecord::to(topic).key(&key).payload(&payload)) {
            Ok(()) => number += 1,
            Err((error, _)) if is_full(&error) => producer.poll(Duration::from_millis(1)),
            Err((error, _)) => return Err(error).context("failed to produce a raw record"),
        }
        if number.is_multiple_of(POLL_EVERY) {
            producer.poll(Duration::ZERO);
        }
    }
    Ok(())
}

fn is_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}
