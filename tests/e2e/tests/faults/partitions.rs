//! Consumers have all partitions of their topics: of topics that others are just making, and of topics that grow.

use contracts::TOPICS;
use e2e::{NewOrder, PATIENCE, Shop};
use xtask::{ServiceName, wait_until};

/// How many topics each service reads: others' events, and what is redriven to it.
const TOPICS_READ: [(ServiceName, usize); 4] =
    [(ServiceName::Order, 4), (ServiceName::Inventory, 4), (ServiceName::Payment, 4), (ServiceName::Shipping, 3)];

#[test]
fn services_that_make_the_topics_together_read_all_of_them_at_once() {
    for partitions in [4, 8, 16, 32] {
        let shop = Shop::open_with(|suite| suite.env("KAFKA_TOPIC_PARTITIONS", partitions.to_string()));
        for (service, topics) in TOPICS_READ {
            // Soon, not only when the client looks again for topics that it did not find.
            let assigned = || match shop.topics().group(service.name()).map_err(|error| format!("{error:#}"))? {
                all if all == [topics * partitions] => Ok(()),
                some => Err(format!("{some:?} of {topics} topics with {partitions} partitions")),
            };
            wait_until(&format!("{service} to have all partitions"), PATIENCE / 12, assigned).unwrap();
        }
    }
}

#[test]
fn partitions_added_while_readers_run_are_read_soon() {
    let shop = Shop::open_with(|suite| suite.env("KAFKA_TOPIC_PARTITIONS", "1"));
    let product = shop.product(1250, 100);
    for topic in TOPICS {
        shop.topics().grow(topic, 6).unwrap();
    }
    let orders: Vec<_> = (0..24).map(|_| shop.place(&NewOrder::of(&product, 1))).collect();
    for order in orders {
        shop.wait_until_confirmed(order);
    }
    shop.close();
}
