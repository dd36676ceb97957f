//! What waits: records that a service has yet to do, calls, and records that are tried again.

use e2e::{
    NewOrder, Shop,
    facts::{order_placed, unknown_order},
    records::Record,
};
use providers::simulator::cards;
use serde_json::Value;
use xtask::ServiceName::Shipping;

fn line<'l>(lines: &'l Value, service: &str) -> &'l Value {
    let lines = lines.as_array().expect("a list");
    lines.iter().find(|line| line["service"] == service).unwrap_or_else(|| panic!("no {service} in {lines:?}"))
}

#[test]
fn what_waits_in_each_service_is_told() {
    let shop = Shop::open_with(|suite| suite.env("RETRY_ATTEMPTS_MAX", "1000000"));
    let product = shop.product(1250, 5);
    shop.place(&NewOrder::of(&product, 1).paid_with(cards::ERROR));
    let future = order_placed(unknown_order(), &product, 1)
        .with("ce_dataschema", "http://127.0.0.1/schemas/OrderPlaced/2199-01");
    shop.topics().publish(&Record { value: Some(b"{\"everything\": \"is different\"}".to_vec()), ..future });
    let poison = order_placed(unknown_order(), &product, 1);
    shop.topics().publish(&Record { value: Some(b"{}".to_vec()), ..poison });

    shop.wait_for_operator("all that waits", &["backlog"], |lines| {
        let payment = line(lines, "payment");
        let is = |name: &str, number: f64| payment[name].as_f64() == Some(number);
        is("open_calls", 1.0)
            && is("parked", 1.0)
            && is("outbox", 0.0)
            && is("due_timers", 0.0)
            && payment["dead_letters"] == 1
    });
    let table = shop.operate(&["backlog", "--service", "order"], 0).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");

    shop.terminate(Shipping);
    let lines = shop.operate(&["backlog", "--output", "json"], 1).json();
    assert!(line(&lines, "shipping")["error"].is_string(), "{lines}");
    assert!(line(&lines, "order")["error"].is_null(), "{lines}");

    let order = shop.place(&NewOrder::of(&product, 1));
    shop.wait_for_events(order, &["StockCommitted"]);
    let lines = shop.ask_operator(&["lag", "--service", "shipping"]);
    let behind: i64 = lines.as_array().expect("a list").iter().filter_map(|line| line["lag"].as_i64()).sum();
    assert!(behind >= 2, "it has yet to read of the order and of its stock: {lines}");
    shop.start(Shipping);
    shop.wait_for_operator("shipping to catch up", &["lag", "--behind"], |lines| {
        lines.as_array().is_some_and(Vec::is_empty)
    });
    assert_eq!(shop.operate(&["lag", "--behind"], 0).stdout, "nobody is behind\n");
}
