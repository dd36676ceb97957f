//! SIGTERM: a service finishes its open work and continues with the rest after the restart.

use std::{io::Write as _, net::TcpStream, thread, time::Duration};

use catalog::ServiceName;
use e2e::{NewOrder, TEST_TIMEOUT, TestCluster, Workload};
use providers::simulator::cards;
use xtask::wait_until;

/// Maximum duration of a shutdown. Supervisors usually send SIGKILL after thirty seconds.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

#[test]
fn orders_end_as_expected_when_each_service_terminates() {
    let cluster = TestCluster::launch();
    let workload = Workload::new(&cluster);
    for (round, service) in ServiceName::all().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| workload.place(30));
            workload.wait_until_placed(30 * round + 10);
            let ended = cluster.terminate(service);
            assert_eq!(ended.code(), Some(0), "{service} ended with {ended}: {}", cluster.log(service));
            cluster.start(service);
        });
    }
    workload.assert_all_end_as_expected();
    cluster.shut_down();
}

#[test]
fn orders_accepted_just_before_shutdown_are_kept() {
    let cluster = TestCluster::launch();
    let workload = Workload::new(&cluster);
    for _ in 0..3 {
        workload.place(5);
        assert_eq!(cluster.terminate(ServiceName::Order).code(), Some(0));
        cluster.start(ServiceName::Order);
    }
    workload.assert_all_end_as_expected();
    cluster.shut_down();
}

#[test]
fn shutdown_awaits_open_provider_calls() {
    let cluster = TestCluster::launch();
    let product = cluster.product(1250, 5);
    let order = cluster.place(&NewOrder::of(&product, 1).paid_with(cards::SLOW));
    let calls = || cluster.gateway_ledger().calls_of(order).unwrap();
    let arrived = || if calls().is_empty() { Err("no call yet") } else { Ok(()) };
    wait_until("the charge at the gateway", TEST_TIMEOUT, arrived).unwrap();
    assert_eq!(cluster.terminate(ServiceName::Payment).code(), Some(0));
    cluster.start(ServiceName::Payment);
    cluster.wait_until_confirmed(order);
    assert_eq!(calls().len(), 1, "{:?}", calls());
    cluster.shut_down();
}

#[test]
fn idle_connections_do_not_delay_shutdown() {
    let cluster = TestCluster::launch();
    let address = cluster.client(ServiceName::Order).base().trim_start_matches("http://").to_owned();
    let connect = |request: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    };
    let idle =
        ["", "POST /orders HTTP/1.1\r\ncontent-le", "POST /orders HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"].map(connect);
    cluster.send_sigterm(ServiceName::Order);
    let ended = cluster.wait_until_exited(ServiceName::Order, SHUTDOWN_TIMEOUT).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", cluster.log(ServiceName::Order));
    drop(idle);
}
