//! Makes a service read a topic from its beginning.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use xtask::ServiceName;

use crate::choreography::consumes;
use crate::kafka::client;
use crate::system::SystemUnderTest;

/// How long the group may take to take us in, also while the broker is away.
const JOINING: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);
/// How often it is tried when the broker is just going away.
const TRIES: usize = 3;

/// To be called while the service is dead. Its place in the group is kept for it, so that nobody else may change the
/// group's offsets: we take that place, put the topic's offsets to the beginning, and leave the place to the service.
///
/// # Errors
/// The broker does not let us.
pub(crate) fn rewind(system: &SystemUnderTest, service: ServiceName, topic: &str) -> Result<()> {
    let mut result = Ok(());
    for _ in 0..TRIES {
        result = try_rewind(system, service, topic);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn try_rewind(system: &SystemUnderTest, service: ServiceName, topic: &str) -> Result<()> {
    let group = format!("{}{service}", system.prefix());
    let mut config = client(system.address());
    config.set("group.id", &group).set("group.instance.id", format!("{group}-0"));
    config.set("partition.assignment.strategy", "cooperative-sticky").set("enable.auto.commit", "false");
    config.set("session.timeout.ms", "6000").set("allow.auto.create.topics", "false");
    let consumer: BaseConsumer = config.create()?;
    let topics: Vec<_> = consumes(service).iter().map(|topic| format!("{}{topic}", system.prefix())).collect();
    consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;

    let started = Instant::now();
    let full_name = format!("{}{topic}", system.prefix());
    let beginning = loop {
        // What it reads is of no interest, and an error is about the connection, which the client mends.
        drop(consumer.poll(POLL));
        let mut list = TopicPartitionList::new();
        for partition in consumer.assignment()?.elements_for_topic(&full_name) {
            list.add_partition_offset(&full_name, partition.partition(), Offset::Offset(0))?;
        }
        if list.count() > 0 {
            break list;
        }
        ensure!(started.elapsed() < JOINING, "the group {group} gives no partitions");
    };
    consumer.commit(&beginning, CommitMode::Sync)?;
    Ok(())
}
