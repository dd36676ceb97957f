//! The services on PostgreSQL: several instances of each side by side, and takeover when one fails.

use std::thread;

use catalog::ServiceName;
use e2e::{Databases, NewOrder, StockLevel, TEST_TIMEOUT, TestCluster, Workload};
use xtask::{Postgres, Progress, Suite, Workspace, postgres::Durability, wait_until};

/// Orders placed around each crash.
const ORDERS: usize = 18;

/// Number of transactions of an instance.
fn transactions(suite: &Suite, service: ServiceName) -> f64 {
    let metrics = suite.client(service).get("/metrics").expect("the instance replies").body;
    let lines = metrics.as_str().unwrap_or_default().lines();
    let counts = lines.filter(|line| line.starts_with("saga_batch_size") && line.contains("_count"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[track_caller]
fn wait_until_outbox_is_empty(cluster: &TestCluster, service: ServiceName) {
    wait_until(&format!("an empty outbox of {service}"), TEST_TIMEOUT, || match cluster.unpublished(service) {
        0 => Ok(()),
        waiting => Err(format!("{waiting} events in it")),
    })
    .expect("the outbox is published");
}

#[test]
fn three_instances_share_work_and_state() {
    let databases = Databases::create();
    let cluster = TestCluster::launch_with(|suite| databases.configure(suite));
    let others = [1, 2].map(|instance| databases.start_instance(&cluster, instance, |suite| suite));
    let workload = Workload::new(&cluster);
    // All instances of inventory compete for one product.
    workload.place(48);
    workload.assert_all_end_as_expected();
    for other in &others {
        for service in ServiceName::all() {
            assert!(transactions(other, service) > 0.0, "each instance of {service} processes its partitions");
        }
        let (order, _) = workload.placed()[0];
        let path = format!("/orders/{order}");
        let seen = other.client(ServiceName::Order).get(&path).unwrap().expect_status(200).unwrap();
        assert_eq!(seen, cluster.get_ok(ServiceName::Order, &path));
    }
    drop(others);
    cluster.shut_down();
}

/// Stops the publishing instance and asserts that the other publishes its outbox. The first instance publishes, because it
/// started first, and slowly, so that its outbox is not empty when it stops.
#[track_caller]
fn assert_other_instance_publishes(stop: fn(&TestCluster, ServiceName), restart: fn(&TestCluster, ServiceName)) {
    let slowly = |suite: xtask::suite::Builder| suite.env_for(ServiceName::Order, "PUBLISH_RATE_MAX", "4");
    let databases = Databases::create();
    let cluster = TestCluster::launch_with(|suite| slowly(databases.configure(suite)));
    let other = databases.start_instance(&cluster, 1, slowly);
    let workload = Workload::new(&cluster);
    workload.place(ORDERS);
    stop(&cluster, ServiceName::Order);
    let left = cluster.unpublished(ServiceName::Order);
    assert!(left > 0, "the stopped instance leaves unpublished events");
    println!("the stopped instance left {left} events in the outbox");
    wait_until_outbox_is_empty(&cluster, ServiceName::Order);
    restart(&cluster, ServiceName::Order);
    workload.assert_all_end_as_expected();
    drop(other);
    cluster.shut_down();
}

#[test]
fn other_instance_publishes_when_the_leader_crashes() {
    assert_other_instance_publishes(TestCluster::kill, TestCluster::start);
}

/// A frozen leader keeps its connections and its lock, but does nothing.
#[test]
fn other_instance_publishes_when_the_leader_freezes() {
    assert_other_instance_publishes(TestCluster::pause, TestCluster::resume);
}

#[test]
fn orders_end_as_expected_when_each_leader_crashes() {
    let databases = Databases::create();
    let cluster = TestCluster::launch_with(|suite| databases.configure(suite));
    let other = databases.start_instance(&cluster, 1, |suite| suite);
    let workload = Workload::new(&cluster);
    for (round, service) in ServiceName::all().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| workload.place(ORDERS));
            workload.wait_until_placed(ORDERS * round + ORDERS / 3);
            cluster.kill(service);
            wait_until_outbox_is_empty(&cluster, service);
            cluster.start(service);
        });
    }
    workload.assert_all_end_as_expected();
    drop(other);
    cluster.shut_down();
}

/// The other instance takes over partitions and open provider calls.
#[test]
fn other_instance_takes_over_when_one_stays_down() {
    let databases = Databases::create();
    let cluster = TestCluster::launch_with(|suite| databases.configure(suite));
    let other = databases.start_instance(&cluster, 1, |suite| suite);
    let product = cluster.product(1250, 100);
    let orders: Vec<_> = (0..20).map(|_| cluster.place(&NewOrder::of(&product, 1))).collect();
    for service in [ServiceName::Inventory, ServiceName::Payment, ServiceName::Shipping] {
        cluster.kill(service);
    }
    for order in orders {
        cluster.wait_until_confirmed(order);
    }
    let stock = other
        .client(ServiceName::Inventory)
        .get(&format!("/stock/{}", product.sku))
        .unwrap()
        .expect_status(200)
        .unwrap();
    assert_eq!(serde_json::from_value::<StockLevel>(stock).unwrap(), product.stock(0, 20));
}

/// Orders placed while the server is down wait for it.
#[test]
fn services_wait_for_a_crashed_database_server() {
    let mut server =
        Postgres::start_own(&Workspace::find().unwrap(), Durability::UntilItStops, Progress::quiet()).unwrap();
    let databases = Databases::create_on(&server);
    let cluster = TestCluster::launch_with(|suite| databases.configure(suite));
    let workload = Workload::new(&cluster);
    thread::scope(|scope| {
        scope.spawn(|| workload.place(3 * ORDERS));
        for round in 1..=2 {
            workload.wait_until_placed(ORDERS * round);
            server.crash().unwrap();
            server.start().unwrap();
        }
    });
    workload.assert_all_end_as_expected();
    cluster.shut_down();
}
