//! SIGSTOP: a service that stands still for a while, as on a machine that is overloaded or migrated.

use std::thread;

use e2e::{PATIENCE, Shop, Stream};
use xtask::{ServiceName, wait_until};

#[test]
fn each_service_may_stand_still_for_a_moment() {
    let shop = Shop::open();
    let stream = Stream::new(&shop);
    for (round, service) in ServiceName::all().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| stream.place(20));
            stream.wait_until_placed(20 * round + 5);
            shop.pause(service);
            // The order service itself can't take more orders now.
            if service != ServiceName::Order {
                stream.wait_until_placed(20 * (round + 1));
            }
            shop.resume(service);
        });
    }
    stream.must_end_well();
    shop.close();
}

#[test]
fn a_service_that_the_broker_has_given_up_joins_again() {
    // The shortest session that a broker allows.
    let shop = Shop::open_with(|suite| suite.env("KAFKA_SESSION_TIMEOUT_MS", "6000"));
    let stream = Stream::new(&shop);
    shop.pause(ServiceName::Inventory);
    stream.place(20);
    let lost = || match shop.topics().group("inventory").map_err(|error| format!("{error:#}"))? {
        members if members.is_empty() => Ok(()),
        members => Err(format!("{members:?}")),
    };
    wait_until("the broker to give inventory up", PATIENCE, lost).unwrap();
    shop.supervised(|| {
        shop.resume(ServiceName::Inventory);
        stream.must_end_well();
    });
    shop.close();
}
