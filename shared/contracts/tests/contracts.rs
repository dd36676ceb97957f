//! The committed schemas and golden files hold for the types, and records survive the way over Kafka.
//!
//! `UPDATE_EXPECT=1 cargo test -p contracts` writes what is generated; review the difference before you commit it.

use contracts::{
    CancelReason, ContractError, CorrelationId, Decoded, Event, EventId, EventType, Meta, Money, OrderId, Received,
    ServiceName, Sku, decode, headers,
    inventory::{
        InventoryEvent, Shortage, StockCommitted, StockLine, StockReleased, StockReservationRejected, StockReserved,
    },
    order::{Address, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderEvent, OrderLine, OrderPlaced},
    payment::{PaymentCaptured, PaymentDeclined, PaymentEvent, PaymentRefunded, PaymentVoided},
    schemas,
    shipping::{
        ShipmentCancellationRefused, ShipmentCancelled, ShipmentDispatched, ShipmentRejected, ShipmentScheduled,
        ShippingEvent,
    },
};
use expect_test::expect_file;
use serde_json::Value;

const ORDER: &str = "0193a5c0-0000-7000-8000-000000000001";

fn order_id() -> OrderId {
    ORDER.parse().expect("an id")
}

fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

fn order_placed() -> OrderPlaced {
    let line = |text, quantity, minor| OrderLine { sku: sku(text), quantity, unit_price: Money::eur(minor) };
    OrderPlaced {
        order_id: order_id(),
        customer: "ada".into(),
        lines: vec![line("MUG", 2, 1250), line("TEA-250", 1, 899)],
        total: Money::eur(3399),
        payment_method: "tok_4242424242424242".into(),
        address: Address {
            name: "Ada Lovelace".into(),
            street: "12 Analytical Way".into(),
            city: "London".into(),
            postal_code: "N1 7AA".into(),
            country: "GB".into(),
        },
        placed_at: "2026-11-23T10:00:00Z".parse().expect("a time"),
        deadline: "2026-11-23T10:01:00Z".parse().expect("a time"),
    }
}

/// One event of every type.
fn samples() -> Vec<Event> {
    let order_id = order_id();
    let lines = vec![StockLine { sku: sku("MUG"), quantity: 2 }];
    let amount = Money::eur(3399);
    let (capture_id, refund_id, tracking) = ("cap_1".to_owned(), "ref_1".to_owned(), "TRACK1".to_owned());
    let order: [OrderEvent; 4] = [
        order_placed().into(),
        OrderCancellationRequested { order_id, reason: CancelReason::DeadlinePassed }.into(),
        OrderConfirmed { order_id }.into(),
        OrderCancelled { order_id, reason: CancelReason::OutOfStock }.into(),
    ];
    let inventory: [InventoryEvent; 4] = [
        StockReserved { order_id, lines: lines.clone() }.into(),
        StockReservationRejected {
            order_id,
            shortages: vec![Shortage { sku: sku("MUG"), requested: 2, available: 1 }],
        }
        .into(),
        StockCommitted { order_id }.into(),
        StockReleased { order_id, lines, reason: CancelReason::Customer }.into(),
    ];
    let payment: [PaymentEvent; 4] = [
        PaymentCaptured { order_id, capture_id: capture_id.clone(), amount }.into(),
        PaymentDeclined { order_id, code: "insufficient_funds".into() }.into(),
        PaymentRefunded { order_id, capture_id, refund_id, amount, reason: CancelReason::ShipmentRejected }.into(),
        PaymentVoided { order_id, reason: CancelReason::Customer }.into(),
    ];
    let shipping: [ShippingEvent; 5] = [
        ShipmentScheduled { order_id, tracking: tracking.clone() }.into(),
        ShipmentRejected { order_id, carrier_reason: "country AQ is not served".into() }.into(),
        ShipmentCancelled { order_id, reason: CancelReason::Customer }.into(),
        ShipmentCancellationRefused { order_id }.into(),
        ShipmentDispatched { order_id, tracking }.into(),
    ];
    (order.into_iter().map(Event::Order))
        .chain(inventory.into_iter().map(Event::Inventory))
        .chain(payment.into_iter().map(Event::Payment))
        .chain(shipping.into_iter().map(Event::Shipping))
        .collect()
}

/// Compares with `<folder>/<event>/<version>.json`, or writes it when asked to.
fn check_committed(folder: &str, event_type: &EventType, json: &Value) {
    let path = format!("{}/{folder}/{}/{}.json", env!("CARGO_MANIFEST_DIR"), event_type.name, event_type.version);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let parent = std::path::Path::new(&path).parent().expect("has a folder");
        std::fs::create_dir_all(parent).expect("makes the folder of a new event");
    }
    expect_file![path].assert_eq(&format!("{json:#}\n"));
}

fn meta(event: &Event) -> Meta {
    Meta {
        id: EventId("0193a5c0-0000-7000-8000-0000000000aa".parse().expect("an id")),
        event_type: event.event_type(),
        subject: event.subject(),
        time: "2026-11-23T10:00:00.5Z".parse().expect("a time"),
        correlation_id: CorrelationId("0193a5c0-0000-7000-8000-0000000000bb".parse().expect("an id")),
        causation_id: Some(EventId("0193a5c0-0000-7000-8000-0000000000cc".parse().expect("an id"))),
        hops: 3,
    }
}

type HeaderList = Vec<(&'static str, String)>;

fn read(topic: &str, headers: &HeaderList, data: &[u8]) -> Result<Decoded, ContractError> {
    let lookup = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    decode(topic, lookup, data)
}

#[test]
fn schemas_are_committed_as_generated() {
    for (event, schema) in schemas::generated() {
        check_committed("schemas", event, &schema.to_value());
    }
}

#[test]
fn golden_json_is_what_every_type_serializes_to() {
    let samples = samples();
    assert_eq!(samples.len(), schemas::generated().len(), "one sample of every type");
    for event in samples {
        check_committed("golden", event.event_type(), &serde_json::from_str(&event.to_json()).expect("JSON"));
    }
}

/// Every committed version's golden file fits its schema and reads as the newest version's sample.
#[test]
fn every_version_fits_its_schema_and_upcasts_to_the_newest() {
    let all = schemas::all_committed();
    assert!(all.len() > samples().len(), "at least one older version is kept, to prove the path");
    for (name, version) in all {
        let path = format!("{}/golden/{name}/{version}.json", env!("CARGO_MANIFEST_DIR"));
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));

        let schema = schemas::committed(&name, &version).expect("listed");
        let schema = serde_json::from_slice(&schema).expect("a schema is JSON");
        let instance: Value = serde_json::from_slice(&golden).expect("golden is JSON");
        jsonschema::validate(&schema, &instance).unwrap_or_else(|error| panic!("{name} {version}: {error}"));

        let newest = samples().into_iter().find(|sample| sample.event_type().name == name).expect("a sample");
        let read = Event::from_versioned(&name, &version, &golden).expect("the owner's");
        assert_eq!(read.expect("upcasts"), newest, "{name} {version}");
    }
}

#[test]
fn every_event_survives_the_way_over_kafka() {
    for event in samples() {
        let meta = meta(&event);
        let topic = event.event_type().topic;
        let decoded = read(topic, &headers(&meta, "http://schemas.test"), event.to_json().as_bytes());
        let expected = Decoded::Known(Box::new(Received { meta, event }));
        assert_eq!(decoded.expect("a contract event"), expected);
    }
}

#[test]
fn unknown_fields_types_and_newer_versions_are_no_error() {
    let event = samples().remove(2);
    let mut headers = headers(&meta(&event), "http://schemas.test");
    let newer = format!(r#"{{"order_id": "{ORDER}", "mood": "happy"}}"#);
    replace(&mut headers, "ce_dataschema", "http://elsewhere/schemas/OrderConfirmed/2031-01");
    let Decoded::Known(received) = read("order.events", &headers, newer.as_bytes()).expect("is read") else {
        panic!("a known event")
    };
    assert_eq!(received.event, event);

    replace(&mut headers, "ce_type", "com.example.ordersaga.OrderGiftWrapped");
    let unknown = read("order.events", &headers, b"{}").expect("is ignored");
    assert_eq!(unknown, Decoded::Unknown { ce_type: "com.example.ordersaga.OrderGiftWrapped".into() });
}

fn replace(headers: &mut HeaderList, name: &str, value: &str) {
    let header = headers.iter_mut().find(|(known, _)| *known == name).expect(name);
    value.clone_into(&mut header.1);
}

#[test]
fn broken_records_are_refused_with_the_reason() {
    let event = samples().remove(0);
    let json = event.to_json();
    let good = headers(&meta(&event), "http://schemas.test");
    let refusal = |name: &str, value: &str| {
        let mut headers = good.clone();
        replace(&mut headers, name, value);
        read("order.events", &headers, json.as_bytes()).expect_err(name).to_string()
    };
    assert_eq!(refusal("ce_id", "7"), "header ce_id is '7', which is not a UUID");
    assert_eq!(refusal("ce_specversion", "0.3"), "header ce_specversion is '0.3', which is not 1.x");
    assert_eq!(refusal("ce_source", "/payment"), "header ce_source is '/payment', which is not the event's owner");
    assert_eq!(refusal("ce_hops", "-1"), "header ce_hops is '-1', which is not a number");
    assert_eq!(
        refusal("ce_dataschema", "http://x/schemas/OrderPlaced/2019-01"),
        "OrderPlaced 2019-01: OrderPlaced has no version 2019-01"
    );
    let other = "0193a5c0-0000-7000-8000-000000000002";
    assert_eq!(refusal("ce_subject", other), format!("data is about order {ORDER}, but ce_subject is {other}"));

    let wrong_topic = read("payment.events", &good, json.as_bytes()).expect_err("a foreign topic").to_string();
    assert_eq!(wrong_topic, "OrderPlaced belongs on order.events, not on payment.events");
    let not_json = read("order.events", &good, b"{").expect_err("no JSON").to_string();
    assert!(not_json.starts_with("OrderPlaced 2026-11: data does not fit the schema: EOF"), "{not_json}");
    let bare = read("order.events", &Vec::new(), b"hello").expect_err("no headers").to_string();
    assert_eq!(bare, "header ce_specversion is missing");
}

#[test]
fn every_topic_has_one_owner() {
    let topics: Vec<_> = ServiceName::owners().map(|(_, topic)| topic).collect();
    assert_eq!(topics, contracts::TOPICS);
    for (event, _) in schemas::generated() {
        assert_eq!(contracts::event_type(event.name), Some(event), "names are unique over all owners");
    }
}

proptest::proptest! {
    /// Whatever arrives, decoding says what it is or what is wrong; it never panics.
    #[test]
    fn decoding_never_panics(
        values in proptest::collection::vec(".{0,40}", 10),
        data in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        known_type: bool,
    ) {
        let event = samples().remove(0);
        let mut headers = headers(&meta(&event), "http://schemas.test");
        for (header, value) in headers.iter_mut().zip(values) {
            if !(known_type && matches!(header.0, "ce_type" | "ce_specversion")) {
                header.1 = value;
            }
        }
        let _ = read("order.events", &headers, &data);
        let _ = read("order.events", &self::headers(&meta(&event), ""), &data);
    }
}
