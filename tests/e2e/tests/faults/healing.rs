//! Records that Kafka loses. Every service has its own facts, and publishes them again.

use std::thread;

use catalog::{
    ServiceName::{self, Payment},
    TOPICS,
};
use contracts::OrderId;
use e2e::{NewOrder, TEST_TIMEOUT, TestCluster, Workload, records::KafkaRecord, sagactl};
use xtask::wait_until;

/// Topics that shipping reads.
const READ_BY_SHIPPING: [&str; 2] = ["order.events", "inventory.events"];

/// Lets shipping miss everything about a new order: it is down until the records are gone.
fn place_order_missed_by_shipping(cluster: &TestCluster, status: &str) -> OrderId {
    let product = cluster.product(1250, 10);
    cluster.terminate(ServiceName::Shipping);
    let order = cluster.place(&NewOrder::of(&product, 2));
    cluster.wait_for_status(order, &[status]);
    wait_until("all events to be published", TEST_TIMEOUT, || {
        let waiting: u64 = ServiceName::all().map(|service| cluster.unpublished(service)).sum();
        if waiting == 0 { Ok(()) } else { Err(waiting) }
    })
    .expect("the events are published");
    cluster.topics().delete_records(&READ_BY_SHIPPING);
    cluster.start(ServiceName::Shipping);
    order
}

#[test]
fn order_continues_when_its_facts_are_published_again() {
    let cluster = TestCluster::launch();
    let order = place_order_missed_by_shipping(&cluster, "stock_committed");
    let arguments = ["republish", "--service", "order", "--order", &order.to_string(), "--output", "json"];
    let progress = sagactl::run(&mut cluster.sagactl_command(&arguments)).expect_exit_code(0).json();
    assert_eq!((&progress["state"], &progress["streams"]), (&"done".into(), &1.into()), "{progress}");
    cluster.wait_until_confirmed(order);
    cluster.assert_paid_and_booked(order, 2500);
    let replayed = cluster.metric(ServiceName::Order, "saga_events_replayed_total");
    assert!((replayed - 1.0).abs() < f64::EPSILON, "one wave, one fact: {replayed}");
    cluster.shut_down();
}

#[test]
fn order_heals_itself_after_its_deadline() {
    let cluster = TestCluster::launch_with(|suite| suite.env_for(ServiceName::Order, "ORDER_DEADLINE_S", "3"));
    let order = place_order_missed_by_shipping(&cluster, "cancelling");
    cluster.wait_until_cancelled(order, "deadline_passed");
    cluster.assert_compensated(order);
    cluster.shut_down();
}

/// The services create their topics again and publish everything; none needs a restart. A consumer that continues at its old
/// offset in a new topic misses records without notice; those orders continue after an operator's republication.
#[test]
fn orders_continue_when_all_topics_are_deleted() {
    let cluster = TestCluster::launch();
    let workload = Workload::new(&cluster);
    let restarts = cluster.with_supervisor(|| {
        thread::scope(|scope| {
            scope.spawn(|| workload.place(40));
            workload.wait_until_placed(10);
            cluster.topics().delete(TOPICS);
        });
        wait_until("the order service to publish everything again", TEST_TIMEOUT, || {
            let log = cluster.log(ServiceName::Order);
            if log.contains("queued all events to be published again") { Ok(()) } else { Err("no loss is noticed") }
        })
        .unwrap();
        let republish = ["republish", "--service", "order", "--output", "json"];
        let progress = wait_until("the operator's turn", TEST_TIMEOUT, || {
            let run = sagactl::run(&mut cluster.sagactl_command(&republish));
            // The service publishes everything once at a time.
            if run.code == 0 { Ok(run.json()) } else { Err(run.stderr) }
        })
        .unwrap();
        assert_eq!(progress["streams"], workload.placed().len(), "{progress}");
        workload.assert_all_end_as_expected();
    });
    assert_eq!(restarts, 0, "no service needs a restart");
    cluster.shut_down();
}

#[test]
fn dead_letters_are_published_again_when_topic_is_lost() {
    let cluster = TestCluster::launch();
    let poison = |key: &str| KafkaRecord::new("order.events", key, b"{");
    for key in ["first", "second"] {
        cluster.topics().publish(&poison(key));
        cluster.topics().read(&["payment.dlq"]).wait_for_one(key, "the dead letter", |_| true);
    }
    let discard = ["dead-letters", "discard", "--service", "payment", "--order", "first"];
    let _ = sagactl::run(&mut cluster.sagactl_command(&discard)).expect_exit_code(0);
    wait_until("payment to close the discarded one", TEST_TIMEOUT, || match cluster.published_letters(Payment) {
        1 => Ok(()),
        open => Err(open),
    })
    .unwrap();
    cluster.topics().delete(&["payment.dlq"]);
    wait_until("payment to create the topic again", TEST_TIMEOUT, || {
        let log = cluster.log(Payment);
        if log.contains("topic has lost dead letters") { Ok(()) } else { Err("no loss is noticed") }
    })
    .unwrap();
    let letters = cluster.topics().read(&["payment.dlq"]);
    letters.wait_for_one("second", "the dead letter", |_| true);
    assert_eq!(letters.about("first").len(), 0, "a discarded dead letter is not published again");
    let republish = ["republish", "--service", "payment"];
    let _ = sagactl::run(&mut cluster.sagactl_command(&republish)).expect_exit_code(0);
    letters.wait_for("the dead letter again", |seen| (seen.len() == 2).then_some(()));
    cluster.shut_down();
}
