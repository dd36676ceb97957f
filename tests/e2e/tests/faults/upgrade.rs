//! Rolling upgrade across an incompatible change: the consumers are new, and the order service moves from `OrderPlaced`
//! 2026-10 to the newest version while orders are placed, on the same data.

use std::{collections::BTreeMap, thread};

use catalog::ServiceName::{self, Order};
use contracts::{EventType, OrderId, event_type};
use e2e::{
    ExpectedOutcome, NewOrder, TestCluster, Workload, binary, previous_order_binary,
    records::{KafkaRecord, RecordPosition},
};

const OLD: &str = "2026-10";
/// Orders placed around each upgrade.
const ORDERS: usize = 40;

fn newest() -> &'static str {
    let EventType { version, .. } = event_type("OrderPlaced").expect("OrderPlaced is a known event");
    version
}

/// A suite with the previous order service.
fn previous_cluster() -> TestCluster {
    TestCluster::launch_with(|suite| suite.binary(Order, previous_order_binary()))
}

/// Version in which each order was published. Asserts that republishing keeps the version.
fn versions(records: &[(KafkaRecord, RecordPosition)]) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    for (record, _) in records.iter().filter(|(record, _)| record.event() == Some("OrderPlaced")) {
        let version = record.header("ce_dataschema").and_then(|url| url.rsplit('/').next()).expect("a version");
        let data: serde_json::Value = serde_json::from_slice(record.value.as_deref().expect("a value")).expect("JSON");
        assert_eq!(data["total_minor"].is_number(), version == OLD, "{version} has another structure: {data}");
        let order = record.header("ce_subject").expect("an order").to_owned();
        let before = versions.insert(order, version.to_owned());
        assert!(before.is_none_or(|before| before == version), "an order keeps its version");
    }
    versions
}

/// Waits until all orders are published; returns their versions.
fn published_versions(cluster: &TestCluster, orders: &[(OrderId, ExpectedOutcome)]) -> BTreeMap<String, String> {
    cluster.topics().read(&["order.events"]).wait_for("every order to be published", |seen| {
        let versions = versions(seen);
        orders.iter().all(|(id, _)| versions.contains_key(&id.to_string())).then_some(versions)
    })
}

/// Upgrades the order service while orders are placed; `stop` ends the previous one.
#[track_caller]
fn assert_upgrade_loses_no_order(stop: impl Fn(&TestCluster)) {
    let cluster = previous_cluster();
    let workload = Workload::new(&cluster);
    thread::scope(|scope| {
        scope.spawn(|| workload.place(ORDERS));
        workload.wait_until_placed(ORDERS / 2);
        stop(&cluster);
        cluster.start_binary(Order, &binary(Order));
    });
    // The previous service may have accepted all other orders.
    workload.place(2);
    workload.assert_all_end_as_expected();
    let versions = published_versions(&cluster, &workload.placed());
    for version in [OLD, newest()] {
        assert!(versions.values().any(|published| published == version), "no order in {version}: {versions:?}");
    }
    cluster.shut_down();
}

#[test]
fn orders_end_as_expected_when_upgraded_after_shutdown() {
    assert_upgrade_loses_no_order(|cluster| assert!(cluster.terminate(Order).success(), "{}", cluster.log(Order)));
}

#[test]
fn orders_end_as_expected_when_upgraded_after_crash() {
    assert_upgrade_loses_no_order(|cluster| cluster.kill(Order));
}

#[test]
fn rolling_restart_with_both_versions_loses_no_order() {
    let cluster = previous_cluster();
    let workload = Workload::new(&cluster);
    let consumers = ServiceName::all().filter(|service| *service != Order);
    // Consumers first, as `cargo saga contracts` requires for this change; then the producer.
    for (round, service) in consumers.chain([Order]).enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| workload.place(ORDERS / 2));
            workload.wait_until_placed(round * ORDERS / 2 + 5);
            assert!(cluster.terminate(service).success(), "{}", cluster.log(service));
            cluster.start_binary(service, &binary(service));
        });
    }
    workload.assert_all_end_as_expected();
    cluster.shut_down();
}

#[test]
fn new_service_shows_and_cancels_orders_of_the_old() {
    let cluster = previous_cluster();
    let product = cluster.product(1250, 10);
    let order = cluster.place(&NewOrder::of(&product, 2));
    cluster.wait_until_confirmed(order);
    cluster.terminate(Order);
    cluster.start_binary(Order, &binary(Order));

    let shown = cluster.order(order);
    assert_eq!(shown["total"], serde_json::json!({ "minor": 2500, "currency": "EUR" }), "{shown}");
    assert_eq!(cluster.timeline(order)[0].event, "OrderPlaced");
    assert_eq!(cluster.cancel(order), 202);
    cluster.wait_until_cancelled(order, "customer");
    cluster.assert_compensated(order);
    assert_eq!(cluster.stock(&product), product.initial_stock());
    cluster.shut_down();
}
