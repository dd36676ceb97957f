//! Routes that every service serves besides its own API.

use std::collections::BTreeSet;

use catalog::ServiceName;
use e2e::NewOrder;
use providers::simulator::addresses;
use serde_json::Value;
use xtask::Client;

use crate::cluster;

#[test]
fn services_report_liveness_readiness_and_metrics() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 2));
    cluster().wait_until_confirmed(id);
    for service in ServiceName::all() {
        assert_eq!(cluster().get_ok(service, "/livez"), "alive\n");
        assert_eq!(cluster().get_ok(service, "/readyz"), "ready\n");
        let reply = cluster().get(service, "/metrics");
        assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")), "{reply:?}");
        let metrics = reply.body.as_str().expect("metrics are text").to_owned();
        for name in ["saga_events_consumed", "saga_events_published"] {
            assert!(metrics.lines().any(|line| line.starts_with(name)), "{service}: no {name} in {metrics}");
        }
    }
}

#[test]
fn services_describe_their_api() {
    for (service, path) in [
        (ServiceName::Order, "/orders/{order_id}"),
        (ServiceName::Inventory, "/stock/{sku}"),
        (ServiceName::Payment, "/payments/{order_id}"),
        (ServiceName::Shipping, "/shipments/{order_id}"),
    ] {
        let api = cluster().get_ok(service, "/openapi.json");
        assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{service}");
        assert!(api["paths"][path].is_object(), "{service} describes {path}");
    }
}

#[test]
fn services_serve_all_schemas() {
    let events: BTreeSet<_> = contracts::generated_schemas().iter().map(|(event, _)| event.name).collect();
    for service in ServiceName::all() {
        let paths: Vec<String> = serde_json::from_value(cluster().get_ok(service, "/schemas")).unwrap();
        let listed: BTreeSet<_> = paths.iter().filter_map(|path| path.split('/').nth(2)).collect();
        assert_eq!(listed, events, "{service}");
        assert!(paths.contains(&"/schemas/OrderPlaced/2026-10".to_owned()), "{service} serves old versions");
        for path in paths {
            let reply = cluster().get(service, &path);
            assert_eq!(reply.header("content-type"), Some("application/schema+json"), "{service} {path}");
            assert_eq!(reply.body["type"], "object", "{service} {path}: {}", reply.body);
        }
    }
}

#[test]
fn records_are_valid_against_their_dataschema() {
    let product = cluster().product(1250, 50);
    let [confirmed, rejected] =
        [NewOrder::of(&product, 2), NewOrder::of(&product, 1).to_country(addresses::UNSERVED_COUNTRY)]
            .map(|order| cluster().place(&order));
    cluster().wait_until_confirmed(confirmed);
    cluster().wait_until_cancelled(rejected, "shipment_rejected");
    let topics = cluster().topics().read_all();
    let mut events = BTreeSet::new();
    for (id, last) in [(confirmed, "OrderConfirmed"), (rejected, "OrderCancelled")] {
        let key = id.to_string();
        topics.wait_for_event(&key, last);
        let count = if last == "OrderConfirmed" { 6 } else { 8 };
        let records =
            topics.wait_for("all records of an order", |_| Some(topics.about(&key)).filter(|all| all.len() >= count));
        for record in records {
            let url = record.header("ce_dataschema").expect("every event has a dataschema").to_owned();
            let schema = Client::new(&url).get("").unwrap().expect_status(200).unwrap();
            let data: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
            let validator = jsonschema::validator_for(&schema).expect("a valid schema");
            assert!(validator.is_valid(&data), "{data} is valid against {url}");
            events.insert(record.event().unwrap().to_owned());
        }
    }
    assert_eq!(events.len(), 10, "{events:?}");
}
