//! Event storms end where they begin: what is too much waits in the outbox.

use e2e::{NewOrder, Shop};
use xtask::ServiceName;

/// More than a second's events of one type, of which two may go out in a second.
const ORDERS: usize = 6;

#[test]
fn what_is_too_much_waits_in_the_outbox_and_nothing_is_dropped() {
    let shop = Shop::open_with(|suite| suite.env("PUBLISH_RATE_MAX", "2"));
    let product = shop.product(1250, 50);
    let orders: Vec<_> = (0..ORDERS).map(|_| shop.place(&NewOrder::of(&product, 1))).collect();
    for order in orders {
        shop.wait_until_confirmed(order);
    }
    assert!(shop.metric(ServiceName::Order, "saga_publish_throttled_total") >= 1.0, "the third event had to wait");
    shop.close();
}
