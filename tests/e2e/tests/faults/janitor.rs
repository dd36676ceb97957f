//! The inbox forgets what can't come again.

use e2e::{NewOrder, PATIENCE, Shop};
use xtask::{ServiceName, wait_until};

/// What inventory reads.
const TOPICS: [&str; 4] = ["order.events", "payment.events", "shipping.events", "inventory.redrive"];

#[test]
fn the_inbox_forgets_what_its_topics_keep_no_longer() {
    let shop = Shop::open_with(|suite| suite.env("INBOX_MARGIN_S", "0"));
    let product = shop.product(1250, 50);
    for _ in 0..3 {
        shop.wait_until_confirmed(shop.place(&NewOrder::of(&product, 1)));
    }
    for topic in TOPICS {
        shop.topics().set(topic, &[("retention.ms", "1000"), ("segment.ms", "1000")]);
    }
    // How long records stay is asked for when it starts, and now and then.
    shop.kill(ServiceName::Inventory);
    shop.start(ServiceName::Inventory);
    let all_forgotten = || match shop.metric(ServiceName::Inventory, "saga_inbox_forgotten_total") {
        count if count >= 6.0 => Ok(()),
        count => Err(format!("forgotten: {count} of the 6 messages of three orders")),
    };
    wait_until("an empty inbox", PATIENCE, all_forgotten).expect("old messages are forgotten");
    shop.wait_until_confirmed(shop.place(&NewOrder::of(&product, 1)));
    shop.close();
}
