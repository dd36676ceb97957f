//! SIGSTOP: a service that freezes for a while, as on a machine that is overloaded or migrated.

use std::thread;

use catalog::ServiceName;
use e2e::{TEST_TIMEOUT, TestCluster, Workload};
use xtask::wait_until;

#[test]
fn orders_end_as_expected_when_each_service_freezes() {
    let cluster = TestCluster::launch();
    let workload = Workload::new(&cluster);
    for (round, service) in ServiceName::all().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| workload.place(20));
            workload.wait_until_placed(20 * round + 5);
            cluster.pause(service);
            // The frozen order service cannot accept orders.
            if service != ServiceName::Order {
                workload.wait_until_placed(20 * (round + 1));
            }
            cluster.resume(service);
        });
    }
    workload.assert_all_end_as_expected();
    cluster.shut_down();
}

#[test]
fn service_rejoins_its_group_after_session_timeout() {
    // The shortest session timeout that a broker allows.
    let cluster = TestCluster::launch_with(|suite| suite.env("KAFKA_SESSION_TIMEOUT_MS", "6000"));
    let workload = Workload::new(&cluster);
    cluster.pause(ServiceName::Inventory);
    workload.place(20);
    let lost = || match cluster.topics().group("inventory").map_err(|error| format!("{error:#}"))? {
        members if members.is_empty() => Ok(()),
        members => Err(format!("{members:?}")),
    };
    wait_until("the broker to remove inventory from its group", TEST_TIMEOUT, lost).unwrap();
    cluster.with_supervisor(|| {
        cluster.resume(ServiceName::Inventory);
        workload.assert_all_end_as_expected();
    });
    cluster.shut_down();
}
