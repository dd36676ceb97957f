//! Backlog and lag: unread records, open calls and parked records.

use catalog::ServiceName::Shipping;
use e2e::{
    NewOrder, TestCluster,
    facts::{order_placed, unknown_order},
};
use providers::simulator::cards;
use serde_json::Value;

fn row<'l>(rows: &'l Value, service: &str) -> &'l Value {
    let rows = rows.as_array().expect("a list");
    rows.iter().find(|row| row["service"] == service).unwrap_or_else(|| panic!("no {service} in {rows:?}"))
}

#[test]
fn backlog_counts_open_work_of_each_service() {
    let cluster = TestCluster::launch_with(|suite| suite.env("RETRY_ATTEMPTS_MAX", "1000000"));
    let product = cluster.product(1250, 5);
    cluster.place(&NewOrder::of(&product, 1).paid_with(cards::ERROR));
    let future = order_placed(unknown_order(), &product, 1)
        .with("ce_dataschema", "http://127.0.0.1/schemas/OrderPlaced/2199-01");
    cluster.topics().publish(&future.with_value(b"{\"everything\": \"is different\"}"));
    cluster.topics().publish(&order_placed(unknown_order(), &product, 1).with_value(b"{}"));

    cluster.wait_for_sagactl_json("the backlog of payment", &["backlog"], |rows| {
        let payment = row(rows, "payment");
        let is = |name: &str, number: f64| payment[name].as_f64() == Some(number);
        is("open_calls", 1.0)
            && is("parked", 1.0)
            && is("outbox", 0.0)
            && is("due_timers", 0.0)
            && payment["dead_letters"] == 1
    });
    let table = cluster.sagactl_exits_with(0, &["backlog", "--service", "order"]).stdout;
    assert_eq!(table.lines().count(), 3, "the table has a header, a rule and one row: {table}");

    cluster.terminate(Shipping);
    let rows = cluster.sagactl_exits_with(1, &["backlog", "--output", "json"]).json();
    assert!(row(&rows, "shipping")["error"].is_string(), "{rows}");
    assert!(row(&rows, "order")["error"].is_null(), "{rows}");
}

#[test]
fn lag_counts_unread_records_until_service_catches_up() {
    let cluster = TestCluster::launch();
    let product = cluster.product(1250, 5);
    cluster.terminate(Shipping);
    let order = cluster.place(&NewOrder::of(&product, 1));
    cluster.wait_for_events(order, &["StockCommitted"]);
    let rows = cluster.sagactl_json(&["lag", "--service", "shipping"]);
    let lag: i64 = rows.as_array().expect("a list").iter().filter_map(|row| row["lag"].as_i64()).sum();
    assert!(lag >= 2, "shipping has not read OrderPlaced and StockCommitted: {rows}");

    cluster.start(Shipping);
    cluster.wait_for_sagactl_json("shipping to catch up", &["lag", "--behind"], |rows| {
        rows.as_array().is_some_and(Vec::is_empty)
    });
    assert_eq!(cluster.sagactl_exits_with(0, &["lag", "--behind"]).stdout, "no service is behind\n");
}
