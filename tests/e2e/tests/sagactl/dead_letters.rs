//! Dead letters: list, show, redrive and discard.

use catalog::ServiceName::{self, Inventory};
use contracts::OrderId;
use e2e::{
    NewOrder, TEST_TIMEOUT, TestCluster, TestProduct, binary,
    facts::{order_placed, unknown_order},
    planted_binary,
    records::KafkaRecord,
};
use serde_json::Value;
use xtask::wait_until;

/// A quantity at which the planted bug panics.
const PANICKING_QUANTITY: u32 = 600;

fn list(cluster: &TestCluster, more: &[&str]) -> Value {
    cluster.sagactl_json(&[&["dead-letters", "list"], more].concat())
}

#[track_caller]
fn wait_for_letters(cluster: &TestCluster, count: usize, more: &[&str]) -> Vec<Value> {
    let arguments = [&["dead-letters", "list"], more].concat();
    let found = cluster.wait_for_sagactl_json(&format!("{count} dead letters"), &arguments, |found| {
        found.as_array().is_some_and(|found| found.len() == count)
    });
    found.as_array().expect("a list").clone()
}

fn id(letter: &Value) -> String {
    letter["id"].as_str().expect("an id").to_owned()
}

/// Places an order at which a build of the inventory service panics, then starts the fixed build. Returns the order and
/// its dead letter.
#[track_caller]
fn dead_letter_of_fixed_bug(cluster: &TestCluster, product: &TestProduct) -> (OrderId, String) {
    cluster.terminate(Inventory);
    cluster.start_binary(Inventory, &planted_binary("inventory-panics-at-many"));
    let order = cluster.place(&NewOrder::of(product, PANICKING_QUANTITY));
    let letters = wait_for_letters(cluster, 1, &["--order", &order.to_string()]);
    cluster.terminate(Inventory);
    cluster.start_binary(Inventory, &binary(Inventory));
    assert_eq!((letters[0]["class"].as_str(), letters[0]["event"].as_str()), (Some("panic"), Some("OrderPlaced")));
    (order, id(&letters[0]))
}

/// Waits until a service has this many published dead letters in its database.
#[track_caller]
fn wait_for_open_rows(cluster: &TestCluster, service: ServiceName, count: u64) {
    wait_until(&format!("{count} dead letters of {service}"), TEST_TIMEOUT, || {
        let open = cluster.published_letters(service);
        if open == count { Ok(()) } else { Err(open) }
    })
    .expect("the number of open dead letters");
}

#[test]
fn dry_run_of_redrive_changes_nothing() {
    let cluster = TestCluster::launch();
    let (order, letter) = dead_letter_of_fixed_bug(&cluster, &cluster.product(1250, 1000));
    let shown = cluster.sagactl_json(&["dead-letters", "show", &letter]);
    assert_eq!(shown["payload"]["order_id"], order.to_string(), "{shown}");
    assert!(shown["error"].as_str().is_some_and(|error| error.contains("too many units")), "{shown}");

    let before = list(&cluster, &["--all"]);
    let dry = cluster.sagactl_json(&["dead-letters", "redrive", &letter, "--dry-run"]);
    assert_eq!(
        (dry[0]["outcome"].as_str(), dry[0]["done"].as_bool()),
        (Some("would be redriven"), Some(true)),
        "{dry}"
    );
    assert_eq!(list(&cluster, &["--all"]), before, "a dry run does not resolve the dead letter");
    assert_eq!(cluster.status(order), "placed", "a dry run does not continue the order");
    cluster.shut_down();
}

#[test]
fn redrive_after_a_fix_has_one_effect_when_repeated() {
    let cluster = TestCluster::launch();
    let product = cluster.product(1250, 1000);
    let (order, letter) = dead_letter_of_fixed_bug(&cluster, &product);

    cluster.sagactl_exits_with(0, &["dead-letters", "redrive", &letter]);
    cluster.wait_until_confirmed(order);
    let refused = cluster.sagactl_exits_with(1, &["dead-letters", "redrive", &letter]);
    assert!(refused.stdout.contains("refused: already redriven"), "{refused:?}");
    cluster.sagactl_exits_with(0, &["dead-letters", "redrive", &letter, "--again"]);
    let redriven = cluster.topics().read(&["inventory.redrive"]);
    redriven.wait_for("two redriven records", |seen| (seen.len() == 2).then_some(()));
    cluster.wait_for_sagactl_json("inventory to read both", &["lag", "--service", "inventory"], |rows| {
        rows.as_array().is_some_and(|rows| rows.iter().all(|row| row["lag"] == 0))
    });

    cluster.assert_paid_and_booked(order, 1250 * i64::from(PANICKING_QUANTITY));
    assert_eq!(cluster.stock(&product), product.stock(0, u64::from(PANICKING_QUANTITY)));
    assert_eq!(list(&cluster, &[]), Value::Array(vec![]), "no open dead letter remains");
    let all = list(&cluster, &["--all"]);
    assert_eq!((all[0]["state"].as_str(), all[0]["resolutions"].as_array().map(Vec::len)), (Some("redriven"), Some(2)));
    cluster.shut_down();
}

/// An invalid `OrderPlaced`, which becomes a dead letter of its three readers.
fn poison(order: OrderId, product: &TestProduct) -> KafkaRecord {
    order_placed(order, product, 1).with_value(b"{\"no\": \"order\"}")
}

#[test]
fn dead_letters_are_filtered() {
    let cluster = TestCluster::launch();
    let (order, product) = (unknown_order(), cluster.product(1250, 5));
    cluster.topics().publish(&poison(order, &product));
    let order = order.to_string();
    let filters = ["--order", &order, "--class", "contract", "--type", "OrderPlaced", "--since", "1h"];
    let all = wait_for_letters(&cluster, 3, &filters);
    let payments = wait_for_letters(&cluster, 1, &["--service", "payment"]);
    assert!(all.contains(&payments[0]), "{payments:?} in {all:?}");
    for nothing in [["--class", "panic"], ["--type", "StockReserved"], ["--since", "2999-01-01T00:00:00Z"]] {
        assert_eq!(list(&cluster, &nothing), Value::Array(vec![]), "no dead letter matches {nothing:?}");
    }
    cluster.shut_down();
}

#[test]
fn discarded_dead_letters_keep_their_note() {
    let cluster = TestCluster::launch();
    let (order, product) = (unknown_order(), cluster.product(1250, 5));
    cluster.topics().publish(&poison(order, &product));
    wait_for_letters(&cluster, 3, &[]);

    let before = list(&cluster, &["--all"]);
    cluster.sagactl_exits_with(0, &["dead-letters", "discard", "--service", "payment", "--dry-run"]);
    assert_eq!(list(&cluster, &["--all"]), before, "a dry run does not resolve the dead letter");
    cluster.sagactl_exits_with(0, &["dead-letters", "discard", "--service", "payment", "--note", "a test's poison"]);
    assert_eq!(wait_for_letters(&cluster, 2, &[]).len(), 2);
    let payment = wait_for_letters(&cluster, 1, &["--all", "--service", "payment"]);
    let (state, note) = (&payment[0]["state"], &payment[0]["resolutions"][0]["note"]);
    assert_eq!((state.as_str(), note.as_str()), (Some("discarded"), Some("a test's poison")));
    wait_for_open_rows(&cluster, ServiceName::Payment, 0);
    wait_for_open_rows(&cluster, ServiceName::Shipping, 1);
    let again = cluster.sagactl_exits_with(1, &["dead-letters", "discard", &id(&payment[0])]);
    assert!(again.stdout.contains("refused: already discarded"), "{again:?}");

    let table = cluster.sagactl_exits_with(0, &["dead-letters", "list"]).stdout;
    let names_order = table.contains(&order.to_string());
    assert_eq!((table.lines().count(), names_order), (4, true), "the table has a header, a rule and two rows: {table}");
    let shown = cluster.sagactl_exits_with(0, &["dead-letters", "show", &id(&payment[0])]).stdout;
    assert!(shown.contains("a test's poison") && shown.contains("\"no\": \"order\""), "{shown}");
    cluster.shut_down();
}

#[test]
fn repeated_failure_links_new_and_old_dead_letters() {
    let cluster =
        TestCluster::launch_with(|suite| suite.env("RETRY_ATTEMPTS_MAX", "2").env("RETRY_BACKOFF_MAX_MS", "100"));
    let (order, product) = (unknown_order(), cluster.product(1250, 5));
    let future = order_placed(order, &product, 1).with("ce_dataschema", "http://127.0.0.1/schemas/OrderPlaced/2199-01");
    cluster.topics().publish(&future.with_value(b"{\"everything\": \"is different\"}"));
    let of_inventory = ["--service", "inventory", "--all"];
    let first = wait_for_letters(&cluster, 1, &of_inventory);
    assert_eq!((first[0]["class"].as_str(), first[0]["attempts"].as_str()), (Some("version"), Some("2")), "{first:?}");

    cluster.sagactl_exits_with(0, &["dead-letters", "redrive", "--all"]);
    let both = wait_for_letters(&cluster, 2, &of_inventory);
    let first = id(&first[0]);
    let second = both.iter().map(id).find(|other| *other != first).expect("a second dead letter");
    let shown = cluster.sagactl_json(&["dead-letters", "show", &second]);
    assert_eq!((&shown["redrive_of"][0], &shown["state"]), (&Value::from(first.clone()), &Value::from("open")));
    let shown = cluster.sagactl_json(&["dead-letters", "show", &first]);
    assert_eq!(shown["failed_again_as"][0], second, "{shown}");
    assert_eq!(shown["state"], "redriven");

    cluster.sagactl_exits_with(0, &["dead-letters", "redrive", &second]);
    let third = wait_for_letters(&cluster, 1, &["--service", "inventory"]);
    let shown = cluster.sagactl_json(&["dead-letters", "show", &id(&third[0])]);
    assert_eq!(shown["redrive_of"], serde_json::json!([second, first]), "the letter names all predecessors: {shown}");
    cluster.shut_down();
}

#[test]
fn dead_letters_are_retained_forever() {
    let cluster = TestCluster::launch();
    assert_eq!(cluster.topics().property("payment.dlq", "retention.ms").as_deref(), Some("-1"));
    assert_ne!(cluster.topics().property("payment.events", "retention.ms").as_deref(), Some("-1"));
    cluster.shut_down();
}
