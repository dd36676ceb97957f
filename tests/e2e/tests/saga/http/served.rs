//! What every service serves besides its own API.

use std::collections::BTreeSet;

use contracts::TOPICS;
use e2e::NewOrder;
use providers::simulator::addresses;
use serde_json::Value;
use xtask::{Client, ServiceName};

use crate::shop;

#[test]
fn every_service_is_alive_and_ready_and_has_metrics() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 2));
    shop().wait_until_confirmed(id);
    for service in ServiceName::all() {
        assert_eq!(shop().look(service, "/livez"), "alive\n");
        assert_eq!(shop().look(service, "/readyz"), "ready\n");
        let reply = shop().get(service, "/metrics");
        assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")), "{reply:?}");
        let metrics = reply.body.as_str().expect("text").to_owned();
        for name in ["saga_events_consumed", "saga_events_published"] {
            assert!(metrics.lines().any(|line| line.starts_with(name)), "{service}: no {name} in {metrics}");
        }
    }
}

#[test]
fn every_service_describes_its_api() {
    for (service, path) in [
        (ServiceName::Order, "/orders/{order_id}"),
        (ServiceName::Inventory, "/stock/{sku}"),
        (ServiceName::Payment, "/payments/{order_id}"),
        (ServiceName::Shipping, "/shipments/{order_id}"),
    ] {
        let api = shop().look(service, "/openapi.json");
        assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{service}");
        assert!(api["paths"][path].is_object(), "{service} does not describe {path}");
    }
}

#[test]
fn every_service_serves_every_schema() {
    let events: BTreeSet<_> = contracts::schemas::generated().iter().map(|(event, _)| event.name).collect();
    for service in ServiceName::all() {
        let paths: Vec<String> = serde_json::from_value(shop().look(service, "/schemas")).unwrap();
        let listed: BTreeSet<_> = paths.iter().filter_map(|path| path.split('/').nth(2)).collect();
        assert_eq!(listed, events, "{service}");
        assert!(paths.contains(&"/schemas/OrderPlaced/2026-10".to_owned()), "{service} has forgotten an old version");
        for path in paths {
            let reply = shop().get(service, &path);
            assert_eq!(reply.header("content-type"), Some("application/schema+json"), "{service} {path}");
            assert_eq!(reply.body["type"], "object", "{service} {path}: {}", reply.body);
        }
    }
}

#[test]
fn the_dataschema_of_a_record_is_where_its_schema_is_and_the_record_fits_it() {
    let product = shop().product(1250, 50);
    let [sold, refused] =
        [NewOrder::of(&product, 2), NewOrder::of(&product, 1).to_country(addresses::UNSERVED_COUNTRY)]
            .map(|order| shop().place(&order));
    shop().wait_until_confirmed(sold);
    shop().wait_until_cancelled(refused, "shipment_rejected");
    let topics = shop().topics().read(&TOPICS);
    let mut events = BTreeSet::new();
    for (id, last) in [(sold, "OrderConfirmed"), (refused, "OrderCancelled")] {
        let key = id.to_string();
        topics.wait_for_one(&key, last, |record| record.event() == Some(last));
        let count = if last == "OrderConfirmed" { 6 } else { 8 };
        let records = topics.wait_for("all its records", |_| Some(topics.about(&key)).filter(|all| all.len() >= count));
        for record in records {
            let url = record.header("ce_dataschema").expect("every event has one").to_owned();
            let schema = Client::new(&url).get("").unwrap().expect_status(200).unwrap();
            let data: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
            let validator = jsonschema::validator_for(&schema).expect("a schema");
            assert!(validator.is_valid(&data), "{data} does not fit {url}");
            events.insert(record.event().unwrap().to_owned());
        }
    }
    assert_eq!(events.len(), 10, "{events:?}");
}
