//! A broker that stops and restarts. These tests have their own broker, because other tests need theirs.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use catalog::ServiceName;
use e2e::{NewOrder, TEST_TIMEOUT, TestCluster, Workload};
use xtask::{Broker, Progress, Workspace, wait_until};

use crate::shutdown::SHUTDOWN_TIMEOUT;

/// Session timeout of consumers, the shortest that a broker allows.
const SESSION: Duration = Duration::from_secs(6);

/// Runs a test with a broker that no other test uses at the same time. Reuses brokers, because starting one is slow;
/// xtask's reaper stops them with this process.
fn with_broker(test: impl FnOnce(&mut Broker)) {
    static IDLE: Mutex<Vec<Broker>> = Mutex::new(Vec::new());
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let reused = idle().pop();
    let mut broker = reused.unwrap_or_else(|| {
        let workspace = Workspace::find().expect("the workspace is found");
        Broker::start(&workspace, Progress::quiet()).expect("a broker starts")
    });
    test(&mut broker);
    idle().push(broker);
}

fn launch_with_short_sessions(broker: &Broker) -> TestCluster {
    TestCluster::launch_on(broker.bootstrap_servers(), |suite| {
        suite.env("KAFKA_SESSION_TIMEOUT_MS", SESSION.as_millis().to_string())
    })
}

#[test]
fn services_recover_when_broker_is_down_beyond_session() {
    with_broker(|broker| {
        let cluster = launch_with_short_sessions(broker);
        let workload = Workload::new(&cluster);
        let restarts = cluster.with_supervisor(|| {
            stop_during_orders(broker, &workload, Broker::kill);
            let stopped = Instant::now();
            let over = || if stopped.elapsed() > SESSION + SESSION / 2 { Ok(()) } else { Err("not yet") };
            wait_until("the end of all consumers' sessions", TEST_TIMEOUT, over).unwrap();
            broker.restart().unwrap();
            workload.assert_all_end_as_expected();
        });
        assert_eq!(restarts, 0, "no service needs a restart");
        cluster.shut_down();
    });
}

/// Nothing waits for the end of a session or for a backoff that only suits a long outage.
#[test]
fn services_recover_at_once_when_broker_restarts_quickly() {
    with_broker(|broker| {
        let cluster = launch_with_short_sessions(broker);
        let workload = Workload::new(&cluster);
        let restarts = cluster.with_supervisor(|| {
            for _ in 0..3 {
                stop_during_orders(broker, &workload, Broker::kill);
                broker.restart().unwrap();
                workload.assert_all_end_as_expected();
            }
        });
        assert_eq!(restarts, 0, "no service needs a restart");
        cluster.shut_down();
    });
}

/// Stops the broker while orders are placed; the order service accepts them all the same.
#[track_caller]
fn stop_during_orders(broker: &mut Broker, workload: &Workload<'_>, stop: fn(&mut Broker) -> Result<()>) {
    thread::scope(|scope| {
        let before = workload.placed().len();
        scope.spawn(|| workload.place(40));
        workload.wait_until_placed(before + 10);
        stop(broker).expect("the broker stops");
    });
}

#[test]
fn services_shut_down_without_loss_while_broker_is_down() {
    with_broker(|broker| {
        let cluster = launch_with_short_sessions(broker);
        let product = cluster.product(1250, 10);
        broker.kill().unwrap();
        let order = cluster.place(&NewOrder::of(&product, 2));
        for service in ServiceName::all() {
            cluster.send_sigterm(service);
        }
        let ended: Vec<_> =
            ServiceName::all().map(|service| cluster.wait_until_exited(service, SHUTDOWN_TIMEOUT)).collect();
        broker.restart().unwrap();
        for (service, ended) in ServiceName::all().zip(ended) {
            let ended = ended.unwrap_or_else(|error| panic!("{error:#}: {}", cluster.log(service)));
            assert_eq!(ended.code(), Some(0), "{service} ended with {ended}: {}", cluster.log(service));
            cluster.start(service);
        }
        cluster.wait_until_confirmed(order);
        cluster.assert_paid_and_booked(order, 2500);
        cluster.shut_down();
    });
}

#[test]
fn services_started_before_broker_accept_orders() {
    with_broker(|broker| {
        let cluster = launch_with_short_sessions(broker);
        let product = cluster.product(1250, 10);
        for service in ServiceName::all() {
            cluster.kill(service);
        }
        broker.stop().unwrap();
        for service in ServiceName::all() {
            cluster.spawn(service);
        }
        let order = cluster.place_once_listening(&NewOrder::of(&product, 2));
        assert_eq!(cluster.get(ServiceName::Order, "/readyz").status, 503, "the order service has no partitions yet");
        broker.restart().unwrap();
        cluster.wait_until_confirmed(order);
        cluster.assert_paid_and_booked(order, 2500);
        cluster.shut_down();
    });
}

/// The order service accepts orders until the outbox is full, then responds with status 503.
#[test]
fn orders_are_accepted_until_outbox_is_full() {
    const CAPACITY: usize = 20;
    with_broker(|broker| {
        let cluster = TestCluster::launch_on(broker.bootstrap_servers(), |suite| {
            let suite = suite.env("KAFKA_SESSION_TIMEOUT_MS", SESSION.as_millis().to_string());
            suite.env_for(ServiceName::Order, "OUTBOX_MAX", CAPACITY.to_string())
        });
        let product = cluster.product(1250, 100);
        broker.kill().unwrap();
        let accepted: Vec<_> = (0..CAPACITY).map(|_| cluster.place(&NewOrder::of(&product, 1))).collect();
        let refused = cluster.try_place(&NewOrder::of(&product, 1), &[]).unwrap();
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains("waiting for Kafka"), "{refused:?}");

        broker.restart().unwrap();
        for order in accepted {
            cluster.wait_until_confirmed(order);
        }
        let again = cluster.place(&NewOrder::of(&product, 1));
        cluster.wait_until_confirmed(again);
        cluster.shut_down();
    });
}
