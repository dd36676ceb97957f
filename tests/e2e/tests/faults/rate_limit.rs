//! Rate limit of publishing: excess events wait in the outbox.

use catalog::ServiceName;
use e2e::{NewOrder, TestCluster};

/// More orders than the two events of one type that may be published in a second.
const ORDERS: usize = 6;

#[test]
fn excess_events_wait_in_the_outbox() {
    let cluster = TestCluster::launch_with(|suite| suite.env("PUBLISH_RATE_MAX", "2"));
    let product = cluster.product(1250, 50);
    let orders: Vec<_> = (0..ORDERS).map(|_| cluster.place(&NewOrder::of(&product, 1))).collect();
    for order in orders {
        cluster.wait_until_confirmed(order);
    }
    assert!(cluster.metric(ServiceName::Order, "saga_publish_throttled_total") >= 1.0, "the third event waits");
    cluster.shut_down();
}
