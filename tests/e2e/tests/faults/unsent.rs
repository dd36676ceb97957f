//! Records that the broker refuses. They wait, and so do later ones of their key, while all others continue.

use catalog::ServiceName;
use contracts::OrderId;
use e2e::{NewOrder, TEST_TIMEOUT, TestCluster, TestProduct, records::KafkaRecord};
use xtask::wait_until;

/// Limit in bytes: above the record of an order with one line, below that of one with many.
const LIMIT: &str = "3000";
/// Lines of an order whose record exceeds the limit.
const MANY_LINES: usize = 50;

/// Sets the topic's limit and waits until the broker applies it.
#[track_caller]
fn limit_record_size(cluster: &TestCluster, topic: &str) {
    cluster.topics().set_properties(topic, &[("max.message.bytes", LIMIT)]);
    let large = KafkaRecord::new(topic, "probe", &[b'x'; 4_000]);
    wait_until("the broker to apply the limit", TEST_TIMEOUT, || match cluster.topics().try_publish(&large, None) {
        Ok(_) => Err("a large record was accepted"),
        Err(_) => Ok(()),
    })
    .expect("the limit applies");
}

#[track_caller]
fn place_large(cluster: &TestCluster) -> OrderId {
    let products: Vec<TestProduct> = (0..MANY_LINES).map(|_| cluster.product(100, 5)).collect();
    let first = NewOrder::of(&products[0], 1);
    cluster.place(&products[1..].iter().fold(first, |order, product| order.and(product, 1)))
}

/// Waits until readiness contains the text. The service remains ready.
#[track_caller]
fn wait_for_readiness(cluster: &TestCluster, text: &str) -> String {
    wait_until("readiness", TEST_TIMEOUT, || {
        let ready = cluster.get_ok(ServiceName::Order, "/readyz");
        let ready = ready.as_str().unwrap_or_default().to_owned();
        if ready.contains(text) { Ok(ready) } else { Err(ready) }
    })
    .expect("readiness names the records")
}

#[test]
fn refused_event_holds_only_its_order_until_accepted() {
    let cluster = TestCluster::launch();
    let product = cluster.product(1250, 10);
    limit_record_size(&cluster, "order.events");
    let large = place_large(&cluster);
    let text = wait_for_readiness(&cluster, "1 unsent");
    assert!(text.starts_with("ready; 1 unsent; the oldest is OrderPlaced "), "{text}");
    assert!(text.contains(" for order.events: ") && text.contains("MessageSizeTooLarge"), "{text}");
    assert_eq!(cluster.cancel(large), 202);
    wait_for_readiness(&cluster, "2 unsent; the oldest is OrderPlaced ");
    let unsent = cluster.metric(ServiceName::Order, "saga_records_unsent");
    assert!((unsent - 2.0).abs() < f64::EPSILON, "{unsent}");

    let small = cluster.place(&NewOrder::of(&product, 2));
    cluster.wait_until_confirmed(small);
    cluster.crash_and_restart(ServiceName::Order);
    let small = cluster.place(&NewOrder::of(&product, 2));
    cluster.wait_until_confirmed(small);
    wait_for_readiness(&cluster, "2 unsent");
    assert_eq!(cluster.status(large), "cancelling");
    let log = cluster.log(ServiceName::Order);
    assert!(log.contains("record cannot be sent, keeping it"), "{log}");
    assert!(!log.contains("publishing everything again"), "an unsent event is not a lost one: {log}");

    cluster.topics().set_properties("order.events", &[]);
    cluster.wait_until_cancelled(large, "customer");
    let events = cluster.topics().read(&["order.events"]);
    events.wait_for_event(&large.to_string(), "OrderCancelled");
    let names: Vec<_> =
        events.about(&large.to_string()).iter().filter_map(|one| Some(one.event()?.to_owned())).collect();
    assert_eq!(names[..2], ["OrderPlaced", "OrderCancellationRequested"], "in order");
    assert_eq!(wait_for_readiness(&cluster, "ready\n"), "ready\n");
    cluster.assert_compensated(large);
    cluster.shut_down();
}

#[test]
fn dead_letter_is_cut_when_too_large_for_its_topic() {
    const SIZE: usize = 6_000_000;
    let cluster = TestCluster::launch();
    limit_record_size(&cluster, "payment.dlq");
    let text = [b"{\"padding\": \"".to_vec(), vec![b'x'; SIZE - 15], b"\"}".to_vec()].concat();
    assert_eq!(text.len(), SIZE);
    cluster.topics().publish_compressed(&KafkaRecord::new("order.events", "large", &text).with("ce_id", "7"));
    // Payment's topic refuses even the cut dead letter.
    for topic in ["inventory.dlq", "shipping.dlq"] {
        let letters = cluster.topics().read(&[topic]);
        let letter = letters.wait_for_one("large", "the dead letter", |_| true);
        assert_eq!(letter.value.as_deref(), Some(&text[..65_536]));
        assert_eq!(letter.header("dlq_payload_bytes"), Some("6000000"));
        assert_eq!(letter.header("dlq_payload_sha256").map(str::len), Some(64));
        assert_eq!((letter.header("ce_id"), letter.header("dlq_topic")), (Some("7"), Some("order.events")));
    }
    wait_until("payment to keep its dead letter", TEST_TIMEOUT, || {
        let ready = cluster.get_ok(ServiceName::Payment, "/readyz");
        if ready.as_str().is_some_and(|text| text.contains("for payment.dlq")) { Ok(()) } else { Err(ready) }
    })
    .unwrap();
    let order = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 2));
    cluster.wait_until_confirmed(order);
    cluster.topics().set_properties("payment.dlq", &[]);
    cluster.topics().read(&["payment.dlq"]).wait_for_one("large", "the dead letter", |_| true);
    cluster.shut_down();
}
