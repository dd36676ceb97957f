//! A broker that goes away and comes back. It is these tests' own, for others need theirs.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use e2e::{NewOrder, PATIENCE, Shop, Stream, must};
use xtask::{Broker, Progress, ServiceName, Workspace, wait_until};

use crate::shutdown::END;

/// A session of a consumer, the shortest that a broker allows.
const SESSION: Duration = Duration::from_secs(6);

/// Runs a test with a broker that no other test uses meanwhile. One that is left is used again, for to start one takes
/// long; the local suite's keeper stops it with this process.
fn with_broker(test: impl FnOnce(&mut Broker)) {
    static LEFT: Mutex<Vec<Broker>> = Mutex::new(Vec::new());
    let left = || LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    let used_before = left().pop();
    let mut broker = used_before.unwrap_or_else(|| must(Broker::own(&must(Workspace::find()), Progress::quiet())));
    test(&mut broker);
    left().push(broker);
}

fn open_at(broker: &Broker) -> Shop {
    Shop::open_at(broker.bootstrap_servers(), |suite| {
        suite.env("KAFKA_SESSION_TIMEOUT_MS", SESSION.as_millis().to_string())
    })
}

#[test]
fn a_broker_that_is_away_for_longer_than_a_session_is_used_again() {
    with_broker(|broker| {
        let shop = open_at(broker);
        let stream = Stream::new(&shop);
        let starts = shop.supervised(|| {
            end_while_orders_flow(broker, &stream, Broker::kill);
            let away = Instant::now();
            let over = || if away.elapsed() > SESSION + SESSION / 2 { Ok(()) } else { Err("not yet") };
            wait_until("the end of all consumers' sessions", PATIENCE, over).unwrap();
            broker.restart().unwrap();
            stream.must_end_well();
        });
        assert_eq!(starts, 0, "no service needs a new process");
        shop.close();
    });
}

/// However short it was away: nothing waits for a session to be over, or for a time that only suits a long absence.
#[test]
fn a_broker_that_is_killed_and_back_at_once_is_used_again_at_once() {
    with_broker(|broker| {
        let shop = open_at(broker);
        let stream = Stream::new(&shop);
        let starts = shop.supervised(|| {
            for _ in 0..3 {
                end_while_orders_flow(broker, &stream, Broker::kill);
                broker.restart().unwrap();
                stream.must_end_well();
            }
        });
        assert_eq!(starts, 0, "no service needs a new process");
        shop.close();
    });
}

/// Ends the broker in the middle of orders, which are accepted all the same.
#[track_caller]
fn end_while_orders_flow(broker: &mut Broker, stream: &Stream<'_>, end: fn(&mut Broker) -> Result<()>) {
    thread::scope(|scope| {
        let before = stream.placed().len();
        scope.spawn(|| stream.place(40));
        stream.wait_until_placed(before + 10);
        must(end(broker));
    });
}

#[test]
fn told_to_end_while_the_broker_is_away_a_service_ends_in_time_and_loses_nothing() {
    with_broker(|broker| {
        let shop = open_at(broker);
        let product = shop.product(1250, 10);
        broker.kill().unwrap();
        let order = shop.place(&NewOrder::of(&product, 2));
        for service in ServiceName::all() {
            shop.ask_to_end(service);
        }
        let ended: Vec<_> = ServiceName::all().map(|service| shop.wait_until_ended(service, END)).collect();
        broker.restart().unwrap();
        for (service, ended) in ServiceName::all().zip(ended) {
            let ended = ended.unwrap_or_else(|error| panic!("{error:#}: {}", shop.log(service)));
            assert_eq!(ended.code(), Some(0), "{service} ended with {ended}: {}", shop.log(service));
            shop.start(service);
        }
        shop.wait_until_confirmed(order);
        shop.must_be_sold(order, 2500);
        shop.close();
    });
}

#[test]
fn services_started_before_the_broker_accept_orders_and_go_on_when_it_comes() {
    with_broker(|broker| {
        let shop = open_at(broker);
        let product = shop.product(1250, 10);
        for service in ServiceName::all() {
            shop.kill(service);
        }
        broker.stop().unwrap();
        for service in ServiceName::all() {
            shop.spawn(service);
        }
        let order = shop.place_when_it_listens(&NewOrder::of(&product, 2));
        assert_eq!(shop.get(ServiceName::Order, "/readyz").status, 503, "it has no partitions yet");
        broker.restart().unwrap();
        shop.wait_until_confirmed(order);
        shop.must_be_sold(order, 2500);
        shop.close();
    });
}

/// Disconnected, the intake goes on for as long as there is room, and no longer.
#[test]
fn while_the_broker_is_away_orders_are_accepted_until_the_outbox_is_full() {
    const ROOM: usize = 20;
    with_broker(|broker| {
        let shop = Shop::open_at(broker.bootstrap_servers(), |suite| {
            let suite = suite.env("KAFKA_SESSION_TIMEOUT_MS", SESSION.as_millis().to_string());
            suite.env_for(ServiceName::Order, "OUTBOX_MAX", ROOM.to_string())
        });
        let product = shop.product(1250, 100);
        broker.kill().unwrap();
        let accepted: Vec<_> = (0..ROOM).map(|_| shop.place(&NewOrder::of(&product, 1))).collect();
        let refused = shop.try_place(&NewOrder::of(&product, 1), &[]).unwrap();
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains("wait to be published"), "{refused:?}");

        broker.restart().unwrap();
        for order in accepted {
            shop.wait_until_confirmed(order);
        }
        let again = shop.place(&NewOrder::of(&product, 1));
        shop.wait_until_confirmed(again);
        shop.close();
    });
}
