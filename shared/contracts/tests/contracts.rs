//! Tests of the committed schemas and golden files, and of records as they travel through Kafka.
//!
//! `UPDATE_EXPECT=1 cargo test -p contracts` writes the generated files; review the difference before committing it.

use contracts::{
    ContractError, CorrelationId, Decoded, Event, EventId, EventType, Meta, Received, SUITE, ServiceName, decode,
    headers,
    samples::{self, ORDER},
    schemas,
};
use expect_test::expect_file;
use proptest::prelude::*;
use serde_json::Value;

const SCHEMAS: &str = "http://schemas.test";

/// Compares with `<folder>/<event>/<version>.json`, or writes it if `UPDATE_EXPECT` is set.
fn check_committed(folder: &str, event_type: &EventType, json: &Value) {
    let path = format!("{}/{folder}/{}/{}.json", env!("CARGO_MANIFEST_DIR"), event_type.name, event_type.version);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let parent = std::path::Path::new(&path).parent().expect("has a folder");
        std::fs::create_dir_all(parent).expect("creates the folder of a new event");
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
        sequence: Some(2),
        replay: Some("0193a5c0-0000-7000-8000-0000000000dd".parse().expect("an id")),
    }
}

/// The headers of an event whose data has the newest version.
fn headers_of(meta: &Meta, schema_base_url: &str) -> HeaderList {
    headers(meta, meta.event_type.version, schema_base_url)
}

type HeaderList = Vec<(&'static str, String)>;

fn read(topic: &str, headers: &HeaderList, data: &[u8]) -> Result<Decoded, ContractError> {
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    decode(topic, header, data)
}

fn replace(headers: &mut HeaderList, name: &str, value: &str) {
    let header = headers.iter_mut().find(|(known, _)| *known == name).expect(name);
    value.clone_into(&mut header.1);
}

fn order_placed() -> Event {
    contracts::order::OrderEvent::from(samples::order_placed()).into()
}

fn order_confirmed() -> Event {
    contracts::order::OrderEvent::from(samples::order_confirmed()).into()
}

#[test]
fn committed_schemas_equal_the_generated_ones() {
    for (event_type, schema) in contracts::generated_schemas() {
        check_committed("schemas", event_type, &schema.to_value());
    }
}

#[test]
fn golden_files_equal_the_serialized_samples() {
    for event in samples::all() {
        check_committed("golden", event.event_type(), &serde_json::from_str(&event.to_json()).expect("JSON"));
    }
}

#[test]
fn samples_contain_every_event_type_once() {
    let sampled: Vec<_> = samples::all().iter().map(Event::event_type).collect();
    let all: Vec<_> = contracts::event_types().collect();
    assert_eq!(sampled, all);
    assert_eq!(contracts::generated_schemas().into_iter().map(|(event_type, _)| event_type).collect::<Vec<_>>(), all);
}

/// Every committed version's golden file fits its schema and reads as the newest version's sample.
#[test]
fn every_committed_version_upcasts_to_the_newest() {
    let all = schemas::all_committed();
    assert!(all.len() > samples::all().len(), "an older version proves the upcasting");
    for (name, version) in all {
        let path = format!("{}/golden/{name}/{version}.json", env!("CARGO_MANIFEST_DIR"));
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));

        let schema = schemas::committed(&name, &version).expect("is listed");
        let schema = serde_json::from_slice(&schema).expect("a schema is JSON");
        let instance: Value = serde_json::from_slice(&golden).expect("golden is JSON");
        jsonschema::validate(&schema, &instance).unwrap_or_else(|error| panic!("{name} {version}: {error}"));

        let newest = samples::all().into_iter().find(|sample| sample.event_type().name == name).expect("a sample");
        let read = Event::decode(&meta(&newest), &version, &golden).expect("upcasts");
        assert_eq!(read, newest, "{name} {version}");
    }
}

#[test]
fn every_event_reads_back_from_its_record() {
    for event in samples::all() {
        let meta = meta(&event);
        let decoded = read(event.event_type().topic, &headers_of(&meta, SCHEMAS), event.to_json().as_bytes());
        let expected = Decoded::Known(Box::new(Received { meta, event }));
        assert_eq!(decoded.expect("a contract event"), expected);
    }
}

#[test]
fn event_without_cause_reads_back_from_its_record() {
    let event = order_confirmed();
    let meta = Meta { causation_id: None, ..meta(&event) };
    let headers = headers_of(&meta, SCHEMAS);
    assert!(headers.iter().all(|(name, _)| *name != "ce_causationid"));
    let decoded = read("order.events", &headers, event.to_json().as_bytes());
    assert_eq!(decoded.expect("a contract event"), Decoded::Known(Box::new(Received { meta, event })));
}

#[test]
fn headers_are_those_of_a_binary_cloudevent() {
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_id", "0193a5c0-0000-7000-8000-0000000000aa"),
        ("ce_source", "/order"),
        ("ce_type", "com.example.ordersaga.OrderConfirmed"),
        ("ce_subject", "0193a5c0-0000-7000-8000-000000000001"),
        ("ce_time", "2026-11-23T10:00:00.5Z"),
        ("ce_dataschema", "http://schemas.test/schemas/OrderConfirmed/2026-11"),
        ("ce_correlationid", "0193a5c0-0000-7000-8000-0000000000bb"),
        ("ce_hops", "3"),
        ("content-type", "application/json"),
        ("ce_causationid", "0193a5c0-0000-7000-8000-0000000000cc"),
        ("ce_subjectsequence", "0000000002"),
        ("ce_replay", "0193a5c0-0000-7000-8000-0000000000dd"),
    ];
    assert_eq!(headers_of(&meta(&order_confirmed()), SCHEMAS), expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn unknown_fields_are_ignored_when_version_is_newer() {
    let event = order_confirmed();
    let mut headers = headers_of(&meta(&event), SCHEMAS);
    replace(&mut headers, "ce_dataschema", "http://elsewhere/schemas/OrderConfirmed/2031-01");
    let newer = format!(r#"{{"order_id": "{ORDER}", "mood": "happy"}}"#);
    let Decoded::Known(received) = read("order.events", &headers, newer.as_bytes()).expect("reads") else {
        panic!("the event is known")
    };
    assert_eq!(received.event, event);
}

#[test]
fn unknown_event_type_is_no_error() {
    let mut headers = headers_of(&meta(&order_confirmed()), SCHEMAS);
    let ce_type = format!("{}OrderGiftWrapped", SUITE.namespace);
    replace(&mut headers, "ce_type", &ce_type);
    assert_eq!(read("order.events", &headers, b"{}").expect("reads"), Decoded::Unknown { ce_type });
}

/// Error of reading a placed order whose header `name` has this value.
fn error_of(name: &str, value: &str) -> ContractError {
    let event = order_placed();
    let mut headers = headers_of(&meta(&event), SCHEMAS);
    replace(&mut headers, name, value);
    read("order.events", &headers, event.to_json().as_bytes()).expect_err(name)
}

#[test]
fn error_names_the_invalid_header() {
    let message = |name, value| error_of(name, value).to_string();
    assert_eq!(message("ce_id", "7"), "invalid header ce_id: '7' is not a UUID");
    assert_eq!(message("ce_specversion", "0.3"), "invalid header ce_specversion: '0.3' is not 1.x");
    assert_eq!(message("ce_source", "/payment"), "invalid header ce_source: '/payment' is not the event's owner");
    assert_eq!(message("ce_time", "now"), "invalid header ce_time: 'now' is not an RFC 3339 time");
    assert_eq!(message("ce_correlationid", ""), "invalid header ce_correlationid: '' is not a UUID");
    assert_eq!(message("ce_causationid", "-"), "invalid header ce_causationid: '-' is not a UUID");
    for invalid in ["-", "ffffffff-ffff-ffff-ffff-ffffffffffff"] {
        let expected = format!("invalid header ce_replay: '{invalid}' is not a UUID of version 7");
        assert_eq!(message("ce_replay", invalid), expected);
    }
    for invalid in ["1", "0000000000", "+000000001", "000000000x"] {
        let expected = format!("invalid header ce_subjectsequence: '{invalid}' is not ten digits");
        assert_eq!(message("ce_subjectsequence", invalid), expected);
    }
    assert_eq!(message("ce_hops", "-1"), "invalid header ce_hops: '-1' is not a number");
    let dataschema = "invalid header ce_dataschema: 'http://x/OrderGone/2026-11' is not a URL that ends in the event's \
                      name and version";
    assert_eq!(message("ce_dataschema", "http://x/OrderGone/2026-11"), dataschema);
}

#[test]
fn error_names_the_missing_header() {
    let event = order_placed();
    let all = headers_of(&meta(&event), SCHEMAS);
    let optional = ["content-type", "ce_causationid", "ce_subjectsequence", "ce_replay"];
    for (missing, _) in all.iter().filter(|(name, _)| !optional.contains(name)) {
        let headers = all.iter().filter(|(name, _)| name != missing).cloned().collect();
        let error = read("order.events", &headers, event.to_json().as_bytes()).expect_err(missing);
        assert_eq!(error.to_string(), format!("missing header {missing}"));
    }
    let bare = read("order.events", &Vec::new(), b"hello").expect_err("has no headers");
    assert_eq!(bare.to_string(), "missing header ce_specversion");
}

#[test]
fn error_names_unknown_version_wrong_subject_topic_and_data() {
    let unknown = error_of("ce_dataschema", "http://x/schemas/OrderPlaced/2019-01").to_string();
    assert_eq!(unknown, "invalid data of OrderPlaced 2019-01: unknown version 2019-01 of OrderPlaced");
    let other = "0193a5c0-0000-7000-8000-000000000002";
    let mismatch = error_of("ce_subject", other).to_string();
    assert_eq!(mismatch, format!("data is about '{ORDER}', but ce_subject is '{other}'"));

    let event = order_placed();
    let headers = headers_of(&meta(&event), SCHEMAS);
    let wrong_topic = read("payment.events", &headers, event.to_json().as_bytes()).expect_err("is another's topic");
    assert_eq!(wrong_topic.to_string(), "OrderPlaced belongs on order.events, not on payment.events");
    let not_json = read("order.events", &headers, b"{").expect_err("is not JSON").to_string();
    assert!(
        not_json.starts_with("invalid data of OrderPlaced 2026-11: data does not fit the schema: EOF"),
        "{not_json}"
    );
}

#[test]
fn error_is_of_a_newer_version_when_only_a_newer_build_may_read() {
    let read_version = |version: &str| {
        let mut headers = headers_of(&meta(&order_placed()), SCHEMAS);
        replace(&mut headers, "ce_dataschema", &format!("{SCHEMAS}/schemas/OrderPlaced/{version}"));
        read("order.events", &headers, b"{}").expect_err("lacks all fields").is_newer_version()
    };
    assert!(read_version("2031-01"));
    assert!(!read_version("2026-11"));
    assert!(!read_version("2019-01"));
    assert!(!read_version("private"), "not a date");
    assert!(!error_of("ce_hops", "-1").is_newer_version());
}

#[test]
fn every_topic_has_one_owner() {
    let owners = [ServiceName::Order, ServiceName::Inventory, ServiceName::Payment, ServiceName::Shipping];
    assert!(contracts::TOPICS.iter().copied().map(Some).eq(owners.map(ServiceName::topic)));
    for event_type in contracts::event_types() {
        let owner = ServiceName::find(event_type.owner).expect("a service");
        assert_eq!(owner.topic(), Some(event_type.topic), "{}", event_type.name);
    }
}

#[test]
fn event_types_are_found_by_name() {
    for event_type in contracts::event_types() {
        assert_eq!(contracts::event_type(event_type.name), Some(event_type), "names are unique over all owners");
        let ce_type = format!("{}{}", SUITE.namespace, event_type.name);
        assert_eq!(contracts::event_type_of(&ce_type), Some(event_type));
        assert_eq!(contracts::event_type_of(event_type.name), None, "a ce_type has a namespace");
    }
    assert_eq!(contracts::event_type("OrderGiftWrapped"), None);
}

proptest! {
    /// Any record decodes or fails with an error.
    #[test]
    fn decode_never_panics(
        values in proptest::collection::vec(".{0,40}", 11),
        data in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        known_type: bool,
    ) {
        let event = order_placed();
        let mut headers = headers_of(&meta(&event), SCHEMAS);
        for (header, value) in headers.iter_mut().zip(values) {
            if !(known_type && matches!(header.0, "ce_type" | "ce_specversion")) {
                header.1 = value;
            }
        }
        let _ = read("order.events", &headers, &data);
        let _ = read("order.events", &headers_of(&meta(&event), ""), &data);
    }
}
