//! Records that could not be handled: found, looked at, tried once more, put away.

use contracts::OrderId;
use e2e::{
    NewOrder, Product, Shop,
    facts::{order_placed, unknown_order},
    planted_binary,
    records::Record,
};
use serde_json::Value;
use xtask::ServiceName::Inventory;

/// More than the planted bug can take.
const MANY: u32 = 600;

fn list(shop: &Shop, more: &[&str]) -> Value {
    shop.ask_operator(&[&["dead-letters", "list"], more].concat())
}

#[track_caller]
fn wait_for_letters(shop: &Shop, count: usize, more: &[&str]) -> Vec<Value> {
    let arguments = [&["dead-letters", "list"], more].concat();
    let found = shop.wait_for_operator(&format!("{count} dead letters"), &arguments, |found| {
        found.as_array().is_some_and(|found| found.len() == count)
    });
    found.as_array().expect("a list").clone()
}

fn id(letter: &Value) -> String {
    letter["id"].as_str().expect("a name").to_owned()
}

/// An order that a build of the inventory service panicked at, with that service mended since.
fn left_by_a_bug(shop: &Shop, product: &Product) -> (OrderId, String) {
    shop.terminate(Inventory);
    shop.start_as(Inventory, &planted_binary("inventory-panics-at-many"));
    let order = shop.place(&NewOrder::of(product, MANY));
    let letters = wait_for_letters(shop, 1, &["--order", &order.to_string()]);
    shop.terminate(Inventory);
    shop.start_as(Inventory, &e2e::binary(Inventory));
    assert_eq!((letters[0]["class"].as_str(), letters[0]["event"].as_str()), (Some("panic"), Some("OrderPlaced")));
    (order, id(&letters[0]))
}

#[test]
fn what_a_bug_left_is_redriven_by_the_mended_service_and_has_one_effect_however_often() {
    let shop = Shop::open();
    let product = shop.product(1250, 1000);
    let (order, letter) = left_by_a_bug(&shop, &product);

    let shown = shop.ask_operator(&["dead-letters", "show", &letter]);
    assert_eq!(shown["payload"]["order_id"], order.to_string(), "{shown}");
    assert!(shown["error"].as_str().is_some_and(|error| error.contains("never tried")), "{shown}");

    let before = list(&shop, &["--all"]);
    let dry = shop.ask_operator(&["dead-letters", "redrive", &letter, "--dry-run"]);
    assert_eq!((dry[0]["told"].as_str(), dry[0]["done"].as_bool()), (Some("would be redriven"), Some(true)), "{dry}");
    assert_eq!(list(&shop, &["--all"]), before, "a dry run changes nothing");
    assert_eq!(shop.status(order), "placed");

    shop.operate(&["dead-letters", "redrive", &letter], 0);
    shop.wait_until_confirmed(order);
    let refused = shop.operate(&["dead-letters", "redrive", &letter], 1);
    assert!(refused.stdout.contains("refused: it was redriven before"), "{refused:?}");
    shop.operate(&["dead-letters", "redrive", &letter, "--again"], 0);
    let redriven = shop.topics().read(&["inventory.redrive"]);
    redriven.wait_for("both", |seen| (seen.len() == 2).then_some(()));
    shop.wait_for_operator("the second to be done", &["lag", "--service", "inventory"], |lines| {
        lines.as_array().is_some_and(|lines| lines.iter().all(|line| line["lag"] == 0))
    });

    shop.must_be_sold(order, 1250 * i64::from(MANY));
    assert_eq!(shop.stock(&product), product.stock(0, u64::from(MANY)));
    assert_eq!(list(&shop, &[]), Value::Array(vec![]), "nothing is left to do");
    let all = list(&shop, &["--all"]);
    assert_eq!((all[0]["state"].as_str(), all[0]["resolutions"].as_array().map(Vec::len)), (Some("redriven"), Some(2)));
    shop.close();
}

/// A record that all three readers of orders find to be no order.
fn poison(order: OrderId, product: &Product) -> Record {
    Record { value: Some(b"{\"no\": \"order\"}".to_vec()), ..order_placed(order, product, 1) }
}

#[test]
fn poison_is_listed_filtered_and_discarded() {
    let shop = Shop::open();
    let (order, product) = (unknown_order(), shop.product(1250, 5));
    let name = order.to_string();
    shop.topics().publish(&poison(order, &product));
    let all = wait_for_letters(
        &shop,
        3,
        &["--order", &name, "--class", "contract", "--type", "OrderPlaced", "--since", "1h"],
    );
    let payments = wait_for_letters(&shop, 1, &["--service", "payment"]);
    assert!(all.contains(&payments[0]), "{payments:?} in {all:?}");
    for nothing in [["--class", "panic"], ["--type", "StockReserved"], ["--since", "2999-01-01T00:00:00Z"]] {
        assert_eq!(list(&shop, &nothing), Value::Array(vec![]), "{nothing:?}");
    }

    let before = list(&shop, &["--all"]);
    shop.operate(&["dead-letters", "discard", "--service", "payment", "--dry-run"], 0);
    assert_eq!(list(&shop, &["--all"]), before, "a dry run changes nothing");
    shop.operate(&["dead-letters", "discard", "--service", "payment", "--note", "a test's poison"], 0);
    assert_eq!(wait_for_letters(&shop, 2, &[]).len(), 2);
    let payment = wait_for_letters(&shop, 1, &["--all", "--service", "payment"]);
    let (state, note) = (&payment[0]["state"], &payment[0]["resolutions"][0]["note"]);
    assert_eq!((state.as_str(), note.as_str()), (Some("discarded"), Some("a test's poison")));
    let again = shop.operate(&["dead-letters", "discard", &id(&payment[0])], 1);
    assert!(again.stdout.contains("refused: it was discarded before"), "{again:?}");

    let table = shop.operate(&["dead-letters", "list"], 0).stdout;
    assert_eq!((table.lines().count(), table.contains(&name)), (4, true), "a header, its rule and two rows: {table}");
    let shown = shop.operate(&["dead-letters", "show", &id(&payment[0])], 0).stdout;
    assert!(shown.contains("a test's poison") && shown.contains("\"no\": \"order\""), "{shown}");
    shop.close();
}

#[test]
fn what_fails_again_is_a_new_dead_letter_that_tells_where_it_came_from() {
    let shop = Shop::open_with(|suite| suite.env("RETRY_ATTEMPTS_MAX", "2").env("RETRY_BACKOFF_MAX_MS", "100"));
    let (order, product) = (unknown_order(), shop.product(1250, 5));
    let future = order_placed(order, &product, 1).with("ce_dataschema", "http://127.0.0.1/schemas/OrderPlaced/2199-01");
    shop.topics().publish(&Record { value: Some(b"{\"everything\": \"is different\"}".to_vec()), ..future });
    let mine = ["--service", "inventory", "--all"];
    let first = wait_for_letters(&shop, 1, &mine);
    assert_eq!((first[0]["class"].as_str(), first[0]["attempts"].as_str()), (Some("version"), Some("2")), "{first:?}");

    shop.operate(&["dead-letters", "redrive", "--all"], 0);
    let both = wait_for_letters(&shop, 2, &mine);
    let (first, second) = (id(&first[0]), both.iter().map(id).find(|other| *other != id(&first[0])).expect("another"));
    let shown = shop.ask_operator(&["dead-letters", "show", &second]);
    assert_eq!((&shown["redrive_of"][0], &shown["state"]), (&Value::from(first.clone()), &Value::from("open")));
    let shown = shop.ask_operator(&["dead-letters", "show", &first]);
    assert_eq!(shown["failed_again_as"][0], second, "{shown}");
    assert_eq!(shown["state"], "redriven");

    shop.operate(&["dead-letters", "redrive", &second], 0);
    let third = wait_for_letters(&shop, 1, &["--service", "inventory"]);
    let shown = shop.ask_operator(&["dead-letters", "show", &id(&third[0])]);
    assert_eq!(shown["redrive_of"], serde_json::json!([second, first]), "the whole way: {shown}");
    shop.close();
}

#[test]
fn dead_letters_are_kept_for_ever() {
    let shop = Shop::open();
    assert_eq!(shop.topics().setting("payment.dlq", "retention.ms").as_deref(), Some("-1"));
    assert_ne!(shop.topics().setting("payment.events", "retention.ms").as_deref(), Some("-1"));
    shop.close();
}
