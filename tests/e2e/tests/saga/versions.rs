//! Producers of another version: older ones are understood, and so are newer ones as far as they are known.

use contracts::OrderId;
use e2e::{
    Product,
    facts::{order_placed, unknown_order},
    must,
    records::Record,
};
use serde_json::{Value, json};
use xtask::ServiceName;

use crate::shop;

/// An order of two mugs and a tea for 33.99, as it was published before every amount had its currency.
const PLACED_2026_10: &str = include_str!("../../../../shared/contracts/golden/OrderPlaced/2026-10.json");

/// The golden event as a record about another order of other products.
#[track_caller]
fn placed_2026_10(order: OrderId, mug: &Product, tea: &Product) -> Record {
    let mut data: Value = must(serde_json::from_str(PLACED_2026_10));
    data["order_id"] = json!(order);
    data["lines"][0]["sku"] = json!(mug.sku);
    data["lines"][1]["sku"] = json!(tea.sku);
    with_data(order_placed(order, mug, 2), "2026-10", &data)
}

fn with_data(record: Record, version: &str, data: &Value) -> Record {
    let schema = format!("http://127.0.0.1:8080/schemas/OrderPlaced/{version}");
    Record { value: Some(data.to_string().into_bytes()), ..record.with("ce_dataschema", schema) }
}

#[test]
fn an_order_placed_in_the_older_version_is_reserved_charged_and_booked_like_a_new_one() {
    let (order, mug, tea) = (unknown_order(), shop().product(1250, 5), shop().product(899, 5));
    shop().topics().publish(&placed_2026_10(order, &mug, &tea));
    shop().wait_at(ServiceName::Inventory, order, "committed");
    shop().wait_at(ServiceName::Shipping, order, "scheduled");
    shop().must_be_sold(order, 3399);
    assert_eq!((shop().stock(&mug), shop().stock(&tea)), (mug.stock(0, 2), tea.stock(0, 1)));
    let payment = shop().wait_at(ServiceName::Payment, order, "captured");
    assert_eq!(payment["amount"], json!({ "minor": 3399, "currency": "EUR" }));
}

#[test]
fn an_order_placed_in_a_newer_version_is_read_without_what_is_not_known_yet() {
    let (order, product) = (unknown_order(), shop().product(1250, 5));
    let placed = order_placed(order, &product, 2);
    let mut data: Value = serde_json::from_slice(placed.value.as_deref().unwrap()).unwrap();
    data["gift_wrap"] = json!({ "paper": "blue" });
    data["lines"][0]["engraving"] = json!("Ada");
    shop().topics().publish(&with_data(placed, "2199-01", &data));
    shop().wait_at(ServiceName::Shipping, order, "scheduled");
    shop().must_be_sold(order, 2500);
}
