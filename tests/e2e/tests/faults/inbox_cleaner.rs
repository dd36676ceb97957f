//! Cleaning of the inbox: it forgets messages that cannot be delivered again.

use catalog::ServiceName;
use e2e::{NewOrder, TEST_TIMEOUT, TestCluster};
use xtask::wait_until;

/// Topics that inventory reads.
const TOPICS: [&str; 4] = ["order.events", "payment.events", "shipping.events", "inventory.redrive"];

#[test]
fn inbox_forgets_messages_beyond_retention() {
    let cluster = TestCluster::launch_with(|suite| suite.env("INBOX_MARGIN_S", "0"));
    let product = cluster.product(1250, 50);
    for _ in 0..3 {
        cluster.wait_until_confirmed(cluster.place(&NewOrder::of(&product, 1)));
    }
    for topic in TOPICS {
        cluster.topics().set_properties(topic, &[("retention.ms", "1000"), ("segment.ms", "1000")]);
    }
    // Inventory reads the retention when it starts and periodically.
    cluster.crash_and_restart(ServiceName::Inventory);
    let is_empty = || match cluster.metric(ServiceName::Inventory, "saga_inbox_forgotten_total") {
        count if count >= 6.0 => Ok(()),
        count => Err(format!("forgot {count} of the 6 messages of three orders")),
    };
    wait_until("an empty inbox", TEST_TIMEOUT, is_empty).expect("the inbox forgets old messages");
    cluster.wait_until_confirmed(cluster.place(&NewOrder::of(&product, 1)));
    cluster.shut_down();
}
