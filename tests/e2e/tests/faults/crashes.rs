//! SIGKILL: a service continues its open work after the restart.

use std::thread;

use catalog::ServiceName;
use e2e::{NewOrder, TEST_TIMEOUT, TestCluster, Workload};
use providers::simulator::{addresses, cards};
use xtask::wait_until;

/// Orders placed around each crash.
const ORDERS: usize = 40;

#[test]
fn orders_end_as_expected_when_each_service_crashes() {
    let cluster = TestCluster::launch();
    let workload = Workload::new(&cluster);
    for (round, service) in ServiceName::all().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| workload.place(ORDERS));
            workload.wait_until_placed(ORDERS * round + ORDERS / 3);
            cluster.crash_and_restart(service);
        });
    }
    workload.assert_all_end_as_expected();
    cluster.shut_down();
}

#[test]
fn orders_end_as_expected_when_all_services_crash() {
    let cluster = TestCluster::launch();
    let workload = Workload::new(&cluster);
    thread::scope(|scope| {
        scope.spawn(|| workload.place(ORDERS));
        for round in 1..=2 {
            workload.wait_until_placed(ORDERS * round / 3);
            for service in ServiceName::all() {
                cluster.kill(service);
            }
            for service in ServiceName::all() {
                cluster.start(service);
            }
        }
    });
    workload.assert_all_end_as_expected();
    cluster.shut_down();
}

#[test]
fn orders_end_as_expected_when_services_crash_repeatedly() {
    let cluster = TestCluster::launch();
    let workload = Workload::new(&cluster);
    workload.place(ORDERS);
    // Nothing waits for an order, so each service crashes with open work.
    for service in ServiceName::all().cycle().take(12) {
        cluster.crash_and_restart(service);
        workload.place(2);
    }
    workload.assert_all_end_as_expected();
    cluster.shut_down();
}

#[test]
fn open_provider_calls_are_repeated_after_crash() {
    let cluster = TestCluster::launch();
    let product = cluster.product(1250, 10);
    let charged = cluster.place(&NewOrder::of(&product, 1).paid_with(cards::SLOW));
    let booked = cluster.place(&NewOrder::of(&product, 2).to_postal_code(addresses::SLOW_POSTAL_CODE));
    let called = |what: &str, calls: &dyn Fn() -> usize| {
        wait_until(what, TEST_TIMEOUT, || if calls() > 0 { Ok(()) } else { Err("no call yet") }).unwrap();
    };
    called("the charge", &|| cluster.gateway_ledger().calls_of(charged).unwrap().len());
    called("the booking", &|| cluster.carrier_ledger().calls_of(booked).unwrap().len());
    for service in [ServiceName::Payment, ServiceName::Shipping] {
        cluster.crash_and_restart(service);
    }
    for (order, total_minor) in [(charged, 1250), (booked, 2500)] {
        cluster.wait_until_confirmed(order);
        cluster.assert_paid_and_booked(order, total_minor);
    }
    assert!(cluster.gateway_ledger().calls_of(charged).unwrap().len() > 1, "the call is repeated");
    assert!(cluster.carrier_ledger().calls_of(booked).unwrap().len() > 1, "the call is repeated");
    assert_eq!(cluster.stock(&product), product.stock(0, 3));
    cluster.shut_down();
}

#[test]
fn open_cancellations_finish_after_crash() {
    let cluster = TestCluster::launch();
    let product = cluster.product(1250, 100);
    let orders: Vec<_> = (0..3 * ServiceName::all().len()).map(|_| cluster.place(&NewOrder::of(&product, 1))).collect();
    for order in &orders {
        cluster.wait_until_confirmed(*order);
    }
    let mut services = ServiceName::all();
    for (number, order) in orders.iter().enumerate() {
        assert_eq!(cluster.cancel(*order), 202);
        if number % 3 == 0 {
            let service = services.next().expect("a third as many services as orders");
            cluster.crash_and_restart(service);
        }
    }
    for order in orders {
        cluster.wait_until_cancelled(order, "customer");
        cluster.assert_compensated(order);
    }
    assert_eq!(cluster.stock(&product), product.initial_stock());
    cluster.shut_down();
}
