//! Parked records, which cannot be processed yet: they are retried, even after a restart, and delay only later records
//! of their order. Also records that an operator redrives.

use catalog::ServiceName;
use contracts::OrderId;
use e2e::{
    NewOrder, TestCluster, TestProduct,
    facts::{cancellation_requested, order_placed, unknown_order},
    records::KafkaRecord,
};

/// A placed order in a schema version that is newer than every known version and incompatible with all of them.
fn future_version(order: OrderId, product: &TestProduct) -> KafkaRecord {
    let placed = order_placed(order, product, 1).with("ce_dataschema", "http://127.0.0.1/schemas/OrderPlaced/2199-01");
    placed.with_value(b"{\"everything\": \"is different\"}")
}

fn launch_with_attempts(attempts: u32) -> TestCluster {
    TestCluster::launch_with(|suite| {
        let suite = suite.env("RETRY_ATTEMPTS_MAX", attempts.to_string());
        suite.env("RETRY_BACKOFF_MAX_MS", "300")
    })
}

#[track_caller]
fn assert_order_succeeds(cluster: &TestCluster) {
    let id = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 2));
    cluster.wait_until_confirmed(id);
}

#[test]
fn future_version_becomes_dead_letter_after_last_attempt() {
    let cluster = launch_with_attempts(3);
    let (order, product) = (unknown_order(), cluster.product(1250, 5));
    let (future, later) = (future_version(order, &product), order_placed(order, &product, 2));
    cluster.topics().publish_in_order(&[&future, &later]);
    assert_order_succeeds(&cluster);

    let letters = cluster.topics().read(&["inventory.dlq"]);
    let letter = letters.wait_for_one(&order.to_string(), "the dead letter", |_| true);
    assert_eq!((letter.header("dlq_class"), letter.header("dlq_attempts")), (Some("version"), Some("3")));
    assert_eq!((&letter.value, &letter.headers[..future.headers.len()]), (&future.value, &future.headers[..]));
    cluster.wait_for_participant_status(ServiceName::Inventory, order, "committed");
    assert_eq!(letters.about(&order.to_string()).len(), 1, "the record behind it is processed");
    cluster.shut_down();
}

#[test]
fn parked_record_blocks_only_its_order_across_crashes() {
    let cluster = launch_with_attempts(1_000_000);
    let (order, product) = (unknown_order(), cluster.product(1250, 5));
    let (future, later) = (future_version(order, &product), order_placed(order, &product, 2));
    cluster.topics().publish_in_order(&[&future, &later]);
    assert_order_succeeds(&cluster);
    cluster.crash_and_restart(ServiceName::Inventory);
    assert_order_succeeds(&cluster);
    let path = format!("/reservations/{order}");
    assert_eq!(cluster.get(ServiceName::Inventory, &path).status, 404, "the later record waits behind the parked one");
    cluster.shut_down();
}

#[test]
fn redriven_record_takes_effect_once() {
    let cluster = TestCluster::launch();
    let (order, product) = (unknown_order(), cluster.product(1250, 5));
    let placed = order_placed(order, &product, 2).with("redrive_topic", "order.events");
    let redriven = KafkaRecord { topic: "inventory.redrive".to_owned(), ..placed };
    let cancelled = cancellation_requested(unknown_order()).with("redrive_topic", "order.events");
    cluster.topics().publish_in_order(&[&redriven, &redriven]);
    cluster.wait_for_participant_status(ServiceName::Inventory, order, "held");
    let events = cluster.topics().read(&["inventory.events"]);
    events.wait_for_one(&order.to_string(), "the reservation", |record| record.event() == Some("StockReserved"));
    // Inventory does not react to this event, so redriving it has no effect.
    cluster.topics().publish(&KafkaRecord { topic: "inventory.redrive".to_owned(), ..cancelled });
    assert_order_succeeds(&cluster);
    assert_eq!(cluster.stock(&product).reserved, 2);
    assert_eq!(events.about(&order.to_string()).len(), 1);
    cluster.shut_down();
}
