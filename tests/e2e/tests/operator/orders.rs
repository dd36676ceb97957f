//! Orders, listed, shown and watched.

use std::{
    io::{BufRead as _, BufReader},
    process::ChildStdout,
};

use e2e::{NewOrder, Shop, facts::unknown_order, must};
use providers::simulator::cards;
use serde_json::Value;
use xtask::ServiceName::{Order, Shipping};

#[test]
fn orders_are_listed_and_shown_with_the_parts_of_all_services() {
    let shop = Shop::open();
    let product = shop.product(1250, 5);
    let placed: Vec<_> = (0..2).map(|_| shop.place(&NewOrder::of(&product, 1))).collect();
    for order in &placed {
        shop.wait_until_confirmed(*order);
    }
    assert_eq!(shop.cancel(placed[0]), 202);
    shop.wait_until_cancelled(placed[0], "customer");

    let ids = |list: &Value| -> Vec<String> {
        let orders = list.as_array().expect("a list").iter();
        orders.map(|order| order["order_id"].as_str().expect("an id").to_owned()).collect()
    };
    let newest_first: Vec<_> = placed.iter().rev().map(ToString::to_string).collect();
    assert_eq!(ids(&shop.ask_operator(&["orders", "list"])), newest_first);
    assert_eq!(ids(&shop.ask_operator(&["orders", "list", "--limit", "1"])), newest_first[..1]);
    assert_eq!(ids(&shop.ask_operator(&["orders", "list", "--status", "cancelled"])), newest_first[1..]);

    let shown = shop.ask_operator(&["orders", "show", &newest_first[0]]);
    let timeline = shown["timeline"]["entries"].as_array().expect("entries");
    assert_eq!(timeline.first().expect("one")["event"], "OrderPlaced");
    let parts: Vec<_> = shown["parts"].as_array().expect("parts").iter().map(|part| &part["known"]["status"]).collect();
    assert_eq!(parts, ["committed", "captured", "scheduled"]);

    shop.terminate(Shipping);
    let table = shop.operate(&["orders", "show", &newest_first[0]], 0).stdout;
    for word in ["confirmed", "12.50 EUR", "StockReserved", "trace ", shop.client(Shipping).base()] {
        assert!(table.contains(word), "{word} in {table}");
    }
    let unknown = shop.operate(&["orders", "show", &unknown_order().to_string()], 1);
    assert!(unknown.stderr.contains("there is no order"), "{unknown:?}");
}

/// The events that are still to come, until the end.
fn rest(stdout: &mut BufReader<ChildStdout>) -> Vec<Value> {
    stdout.lines().map(|line| must(serde_json::from_str(&must(line)))).collect()
}

#[test]
fn watching_ends_when_the_order_is_final() {
    let shop = Shop::open();
    let order = shop.place(&NewOrder::of(&shop.product(1250, 5), 2));
    let watched = shop.operate(&["orders", "watch", &order.to_string()], 0).stdout;
    let lines: Vec<_> = watched.lines().collect();
    assert!(lines[0].contains("OrderPlaced") && lines[0].ends_with("placed"), "{watched}");
    assert!(lines.last().is_some_and(|line| line.ends_with("confirmed")), "{watched}");

    shop.wait_for_events(order, &["ShipmentScheduled"]);
    assert_eq!(shop.cancel(order), 202);
    shop.wait_until_cancelled(order, "customer");
    let watched = shop.operate(&["orders", "watch", &order.to_string()], 0).stdout;
    assert!(watched.trim_end().ends_with("cancelled (customer)"), "not at the confirmation of long ago: {watched}");

    let answers = |path: &str, id: &str| must(shop.client(Order).send("GET", path, &[("last-event-id", id)], None));
    assert_eq!(answers(&format!("/orders/{}/events", unknown_order()), "0").status, 404);
    assert_eq!(answers(&format!("/orders/{order}/events"), "first").status, 400);
    let unknown = shop.operate(&["orders", "watch", &unknown_order().to_string()], 1);
    assert!(unknown.stderr.contains("there is no order"), "{unknown:?}");
    shop.close();
}

#[test]
fn watching_goes_on_after_the_service_ended_or_was_killed_and_tells_each_event_once() {
    let shop = Shop::open();
    let order = shop.place(&NewOrder::of(&shop.product(1250, 5), 2).paid_with(cards::SLOW));
    let mut watching = must(shop.sagactl(&["orders", "watch", &order.to_string(), "--output", "json"]).spawn());
    let mut stdout = BufReader::new(watching.stdout.take().expect("is piped"));
    let mut first = String::new();
    must(stdout.read_line(&mut first));
    let first: Value = must(serde_json::from_str(&first));
    assert_eq!(first["event"], "OrderPlaced");
    assert!(shop.terminate(Order).success(), "who watches holds nobody up: {}", shop.log(Order));
    shop.start(Order);
    shop.kill(Order);
    shop.start(Order);

    let rest = rest(&mut stdout);
    assert!(must(watching.wait()).success());
    assert_eq!(rest.last().expect("more")["status"], "confirmed");
    let mut ids: Vec<_> = [&first].into_iter().chain(&rest).map(|event| event["id"].as_str().expect("an id")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "each once: {first} {rest:?}");
    shop.close();
}
