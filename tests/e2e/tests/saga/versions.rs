//! Producers of other versions: consumers upcast older versions and ignore unknown fields of newer ones.

use catalog::ServiceName;
use contracts::OrderId;
use e2e::{
    TestProduct,
    facts::{order_placed, unknown_order},
    records::KafkaRecord,
};
use serde_json::{Value, json};

use crate::cluster;

/// An order of two mugs and a tea for 33.99, in the version in which amounts had no currency.
const PLACED_2026_10: &str = include_str!("../../../../shared/contracts/golden/OrderPlaced/2026-10.json");

/// The golden event as a record about this order and these products.
#[track_caller]
fn placed_2026_10(order: OrderId, mug: &TestProduct, tea: &TestProduct) -> KafkaRecord {
    let mut data: Value = serde_json::from_str(PLACED_2026_10).expect("JSON");
    data["order_id"] = json!(order);
    data["lines"][0]["sku"] = json!(mug.sku);
    data["lines"][1]["sku"] = json!(tea.sku);
    with_data(order_placed(order, mug, 2), "2026-10", &data)
}

fn with_data(record: KafkaRecord, version: &str, data: &Value) -> KafkaRecord {
    let schema = format!("http://127.0.0.1:8080/schemas/OrderPlaced/{version}");
    record.with("ce_dataschema", schema).with_value(data.to_string())
}

#[test]
fn older_version_is_processed_like_the_newest() {
    let (order, mug, tea) = (unknown_order(), cluster().product(1250, 5), cluster().product(899, 5));
    cluster().topics().publish(&placed_2026_10(order, &mug, &tea));
    cluster().wait_for_participant_status(ServiceName::Inventory, order, "committed");
    cluster().wait_for_participant_status(ServiceName::Shipping, order, "scheduled");
    cluster().assert_paid_and_booked(order, 3399);
    assert_eq!((cluster().stock(&mug), cluster().stock(&tea)), (mug.stock(0, 2), tea.stock(0, 1)));
    let payment = cluster().wait_for_participant_status(ServiceName::Payment, order, "captured");
    assert_eq!(payment["amount"], json!({ "minor": 3399, "currency": "EUR" }));
}

#[test]
fn newer_version_is_read_without_unknown_fields() {
    let (order, product) = (unknown_order(), cluster().product(1250, 5));
    let placed = order_placed(order, &product, 2);
    let mut data: Value = serde_json::from_slice(placed.value.as_deref().unwrap()).unwrap();
    data["gift_wrap"] = json!({ "paper": "blue" });
    data["lines"][0]["engraving"] = json!("Ada");
    cluster().topics().publish(&with_data(placed, "2199-01", &data));
    cluster().wait_for_participant_status(ServiceName::Shipping, order, "scheduled");
    cluster().assert_paid_and_booked(order, 2500);
}
