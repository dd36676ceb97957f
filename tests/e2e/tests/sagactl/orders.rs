//! Orders: list, show and watch.

use std::{
    io::{BufRead as _, BufReader},
    process::ChildStdout,
};

use catalog::ServiceName::{Order, Shipping};
use e2e::{NewOrder, TestCluster, facts::unknown_order};
use providers::simulator::cards;
use serde_json::Value;

fn ids(list: &Value) -> Vec<String> {
    let orders = list.as_array().expect("a list").iter();
    orders.map(|order| order["order_id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn orders_are_listed_newest_first_and_filtered() {
    let cluster = TestCluster::launch();
    let product = cluster.product(1250, 5);
    let placed: Vec<_> = (0..2).map(|_| cluster.place(&NewOrder::of(&product, 1))).collect();
    for order in &placed {
        cluster.wait_until_confirmed(*order);
    }
    assert_eq!(cluster.cancel(placed[0]), 202);
    cluster.wait_until_cancelled(placed[0], "customer");

    let newest_first: Vec<_> = placed.iter().rev().map(ToString::to_string).collect();
    assert_eq!(ids(&cluster.sagactl_json(&["orders", "list"])), newest_first);
    assert_eq!(ids(&cluster.sagactl_json(&["orders", "list", "--limit", "1"])), newest_first[..1]);
    assert_eq!(ids(&cluster.sagactl_json(&["orders", "list", "--status", "cancelled"])), newest_first[1..]);
}

#[test]
fn order_is_shown_with_timeline_and_participants() {
    let cluster = TestCluster::launch();
    let order = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 1));
    cluster.wait_until_confirmed(order);

    let shown = cluster.sagactl_json(&["orders", "show", &order.to_string()]);
    let timeline = shown["timeline"]["entries"].as_array().expect("entries");
    assert_eq!(timeline.first().expect("an entry")["event"], "OrderPlaced");
    let parts: Vec<_> = shown["parts"].as_array().expect("parts").iter().map(|part| &part["known"]["status"]).collect();
    assert_eq!(parts, ["committed", "captured", "scheduled"]);

    cluster.terminate(Shipping);
    let table = cluster.sagactl_exits_with(0, &["orders", "show", &order.to_string()]).stdout;
    for word in ["confirmed", "12.50 EUR", "StockReserved", "trace ", cluster.client(Shipping).base()] {
        assert!(table.contains(word), "the table contains {word}: {table}");
    }
}

#[test]
fn unknown_order_is_not_shown_or_watched() {
    let cluster = TestCluster::launch();
    for action in ["show", "watch"] {
        let output = cluster.sagactl_exits_with(1, &["orders", action, &unknown_order().to_string()]);
        assert!(output.stderr.contains("there is no order"), "{output:?}");
    }
    cluster.shut_down();
}

#[test]
fn watching_ends_when_the_order_is_final() {
    let cluster = TestCluster::launch();
    let order = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 2));
    let watched = cluster.sagactl_exits_with(0, &["orders", "watch", &order.to_string()]).stdout;
    let lines: Vec<_> = watched.lines().collect();
    assert!(lines[0].contains("OrderPlaced") && lines[0].ends_with("placed"), "{watched}");
    assert!(lines.last().is_some_and(|line| line.ends_with("confirmed")), "{watched}");

    cluster.wait_for_events(order, &["ShipmentScheduled"]);
    assert_eq!(cluster.cancel(order), 202);
    cluster.wait_until_cancelled(order, "customer");
    let watched = cluster.sagactl_exits_with(0, &["orders", "watch", &order.to_string()]).stdout;
    assert!(
        watched.trim_end().ends_with("cancelled (customer)"),
        "watching does not end at the earlier confirmation: {watched}"
    );
    cluster.shut_down();
}

#[test]
fn event_stream_rejects_unknown_orders_and_positions() {
    let cluster = TestCluster::launch();
    let order = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 2));
    let status = |path: &str, last_event_id: &str| {
        cluster.client(Order).send("GET", path, &[("last-event-id", last_event_id)], None).unwrap().status
    };
    assert_eq!(status(&format!("/orders/{}/events", unknown_order()), "0"), 404);
    assert_eq!(status(&format!("/orders/{order}/events"), "first"), 400);
    cluster.shut_down();
}

/// Remaining events until the end of the output.
fn remaining_events(stdout: &mut BufReader<ChildStdout>) -> Vec<Value> {
    let parse = |line: String| serde_json::from_str(&line).expect("JSON");
    stdout.lines().map(|line| parse(line.expect("text"))).collect()
}

#[test]
fn watching_continues_without_duplicates_after_restarts() {
    let cluster = TestCluster::launch();
    let order = cluster.place(&NewOrder::of(&cluster.product(1250, 5), 2).paid_with(cards::SLOW));
    let mut command = cluster.sagactl_command(&["orders", "watch", &order.to_string(), "--output", "json"]);
    let mut watching = command.spawn().unwrap();
    let mut stdout = BufReader::new(watching.stdout.take().expect("standard output is piped"));
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["event"], "OrderPlaced");
    assert!(cluster.terminate(Order).success(), "open event streams do not delay shutdown: {}", cluster.log(Order));
    cluster.start(Order);
    cluster.crash_and_restart(Order);

    let rest = remaining_events(&mut stdout);
    assert!(watching.wait().unwrap().success());
    assert_eq!(rest.last().expect("further events")["status"], "confirmed");
    let mut ids: Vec<_> = [&first].into_iter().chain(&rest).map(|event| event["id"].as_str().expect("an id")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "each event is printed once: {first} {rest:?}");
    cluster.shut_down();
}
