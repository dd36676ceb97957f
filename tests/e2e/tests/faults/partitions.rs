//! Partition assignment: consumers get all partitions of topics that are being created and of topics that grow.

use catalog::{ServiceName, TOPICS};
use e2e::{NewOrder, TEST_TIMEOUT, TestCluster};
use xtask::wait_until;

/// Number of topics that each service reads: those of other services, and its redrive topic.
fn topics_read(service: ServiceName) -> usize {
    match service {
        ServiceName::Order | ServiceName::Inventory | ServiceName::Payment => 4,
        ServiceName::Shipping => 3,
    }
}

#[test]
fn services_read_all_topics_soon_after_creating_them() {
    for partitions in [4, 8, 16, 32] {
        let cluster = TestCluster::launch_with(|suite| suite.env("KAFKA_TOPIC_PARTITIONS", partitions.to_string()));
        for service in ServiceName::all() {
            let topics = topics_read(service);
            // Sooner than the client's next refresh of missing topics.
            let assigned = || match cluster.topics().group(service.name()).map_err(|error| format!("{error:#}"))? {
                all if all == [topics * partitions] => Ok(()),
                some => Err(format!("{some:?} of {topics} topics with {partitions} partitions")),
            };
            wait_until(&format!("{service} to have all partitions"), TEST_TIMEOUT / 12, assigned).unwrap();
        }
    }
}

#[test]
fn added_partitions_are_read_soon() {
    let cluster = TestCluster::launch_with(|suite| suite.env("KAFKA_TOPIC_PARTITIONS", "1"));
    let product = cluster.product(1250, 100);
    for &topic in TOPICS {
        cluster.topics().grow(topic, 6).unwrap();
    }
    let orders: Vec<_> = (0..24).map(|_| cluster.place(&NewOrder::of(&product, 1))).collect();
    for order in orders {
        cluster.wait_until_confirmed(order);
    }
    cluster.shut_down();
}
