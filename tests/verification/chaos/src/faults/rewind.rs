//! Reset of a consumer group's offsets to the beginning of a topic.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use xtask::ServiceName;

use crate::choreography::consumes;
use crate::kafka::client;
use crate::system::SystemUnderTest;

/// Maximum time to join the group, including a restart of the broker.
const JOIN_TIMEOUT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);
/// Attempts, because the broker may be killed meanwhile.
const ATTEMPTS: usize = 3;

/// Sets the topic's offsets to the beginning while the service is down. The group reserves the membership of the stopped
/// service and only members may commit, so this consumer joins with the service's static member id and then leaves it.
///
/// # Errors
/// The broker rejects the member or its commit.
pub(crate) fn rewind(system: &SystemUnderTest, service: ServiceName, topic: &str) -> Result<()> {
    let mut result = Ok(());
    for _ in 0..ATTEMPTS {
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
        // Polling only drives the group protocol; the client recovers from connection errors itself.
        drop(consumer.poll(POLL));
        let mut list = TopicPartitionList::new();
        for partition in consumer.assignment()?.elements_for_topic(&full_name) {
            list.add_partition_offset(&full_name, partition.partition(), Offset::Offset(0))?;
        }
        if list.count() > 0 {
            break list;
        }
        ensure!(started.elapsed() < JOIN_TIMEOUT, "group {group} assigned no partitions in time");
    };
    consumer.commit(&beginning, CommitMode::Sync)?;
    Ok(())
}
