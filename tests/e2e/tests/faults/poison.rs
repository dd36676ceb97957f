//! Records at the limits of Kafka. They stop no consumer, although every consumer of their topic reads them.

use catalog::TOPICS;
use e2e::{
    NewOrder, TestCluster,
    records::KafkaRecord,
    wire::{WireRecord, produce},
};

/// Default size limit of a broker, less some room for the record's frame.
const LARGEST: usize = 1_048_588 - 200;

#[test]
fn largest_possible_record_stops_no_consumer() {
    let cluster = TestCluster::launch();
    for &topic in TOPICS {
        cluster.topics().publish(&KafkaRecord::new(topic, "large", &vec![b'x'; LARGEST]));
    }
    assert_order_succeeds(&cluster);
}

#[test]
fn binary_header_name_stops_no_consumer() {
    let cluster = TestCluster::launch();
    for &topic in TOPICS {
        let record = WireRecord { key: b"bytes", value: b"{}", headers: &[(b"\xff\xfe", b"\xff")] };
        produce(cluster.topics().broker(), &cluster.topics().full_name(topic), record).unwrap();
    }
    assert_order_succeeds(&cluster);
}

/// A service honours the headers of redriven records only in its redrive topic.
#[test]
fn forged_redrive_headers_make_a_dead_letter() {
    let cluster = TestCluster::launch();
    let id = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 2));
    let placed = cluster.topics().read(&["order.events"]).wait_for_event(&id.to_string(), "OrderPlaced");
    let forged = [("redrive_of", "inventory/0/0"), ("redrive_id", "00000000-0000-7000-8000-000000000001")];
    let forged = forged.into_iter().fold(placed, |record, (name, value)| record.with(name, value));
    cluster.topics().publish(&forged);
    let error = cluster.topics().read(&["inventory.dlq"]).wait_for("the dead letter", |seen| {
        seen.iter().find_map(|(letter, _)| letter.header("dlq_error").map(str::to_owned))
    });
    assert_eq!(error, "header redrive_of is reserved for redriven records");
    assert_order_succeeds(&cluster);
}

fn assert_order_succeeds(cluster: &TestCluster) {
    let id = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 2));
    cluster.wait_until_confirmed(id);
    cluster.assert_paid_and_booked(id, 2500);
    cluster.assert_all_running();
}
