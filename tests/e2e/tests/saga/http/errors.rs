//! Requests that make no sense, and what is said about them.

use contracts::OrderId;
use e2e::{NewOrder, eur, must, unused_sku};
use serde_json::{Value, json};
use uuid::Uuid;
use xtask::{Reply, ServiceName};

use super::problem;
use crate::shop;

const JSON: (&str, &str) = ("content-type", "application/json");

fn good() -> Value {
    NewOrder::of(&shop().product(1250, 5), 2).body()
}

fn post(headers: &[(&str, &str)], body: &[u8]) -> Reply {
    must(shop().client(ServiceName::Order).send("POST", "/orders", headers, Some(body)))
}

fn post_json(body: &Value) -> Reply {
    post(&[JSON], body.to_string().as_bytes())
}

/// The answer to a good order with one value replaced.
fn with(pointer: &str, value: Value) -> Reply {
    let mut order = good();
    *order.pointer_mut(pointer).expect("it is there") = value;
    post_json(&order)
}

/// The answer to a good order with one more field, or without one.
fn changed(object: &str, change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Reply {
    let mut order = good();
    change(order.pointer_mut(object).and_then(Value::as_object_mut).expect("an object"));
    post_json(&order)
}

#[test]
fn a_value_that_makes_no_sense_is_named() {
    let long = "x".repeat(201);
    let wrong = [
        ("/customer", json!("  \t ")),
        ("/customer", json!("")),
        ("/customer", json!(long)),
        ("/customer", json!(7)),
        ("/customer", json!(null)),
        ("/payment_method", json!("")),
        ("/lines", json!([])),
        ("/lines", json!("none")),
        ("/lines/0/quantity", json!(0)),
        ("/lines/0/quantity", json!(1001)),
        ("/lines/0/quantity", json!(-1)),
        ("/lines/0/quantity", json!(1.5)),
        ("/lines/0/quantity", json!("two")),
        ("/lines/0/quantity", json!(u64::MAX)),
        ("/lines/0/sku", json!("mug")),
        ("/lines/0/sku", json!("")),
        ("/lines/0/sku", json!("A".repeat(33))),
        ("/lines/0/sku", json!("NEVER-OFFERED")),
        ("/address", json!([])),
        ("/address/city", json!("")),
        ("/address/country", json!("gb")),
        ("/address/country", json!("GBR")),
        ("/address/country", json!("ÄÖ")),
    ];
    for (pointer, value) in wrong {
        assert_eq!(problem(&with(pointer, value.clone()), 422), [pointer], "{value}");
    }
}

#[test]
fn a_field_that_is_unknown_is_named() {
    for object in ["", "/lines/0", "/address"] {
        let reply = changed(object, |fields| _ = fields.insert("colour".to_owned(), json!("red")));
        assert_eq!(problem(&reply, 422), [format!("{object}/colour")]);
    }
}

#[test]
fn a_price_is_not_the_clients_to_say() {
    let reply = changed("/lines/0", |fields| _ = fields.insert("unit_price".to_owned(), eur(1)));
    assert_eq!(problem(&reply, 422), ["/lines/0/unit_price"]);
}

#[test]
fn a_field_that_is_missing_is_named() {
    let missing =
        [("", "customer"), ("", "lines"), ("/lines/0", "quantity"), ("/lines/0", "sku"), ("/address", "city")];
    for (object, field) in missing {
        let reply = changed(object, |fields| _ = fields.remove(field));
        assert_eq!(problem(&reply, 422), [format!("{object}/{field}")]);
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let mut order = good();
    order["customer"] = json!(" ");
    order["address"]["country"] = json!("??");
    order["lines"][0]["quantity"] = json!(0);
    assert_eq!(problem(&post_json(&order), 422), ["/customer", "/lines/0/quantity", "/address/country"]);
}

#[test]
fn more_lines_than_an_order_may_have_are_refused() {
    let lines = |count: usize| (0..count).map(|_| json!({ "sku": unused_sku(), "quantity": 1 })).collect::<Value>();
    assert_eq!(problem(&with("/lines", lines(51)), 422), ["/lines"]);
    let fifty = problem(&with("/lines", lines(50)), 422);
    assert_eq!(fifty.len(), 50, "50 are not too many; only, none is for sale: {fifty:?}");
}

#[test]
fn a_product_in_two_lines_is_refused() {
    let product = shop().product(1250, 5);
    let order = NewOrder::of(&product, 1).and(&shop().product(1250, 5), 1).and(&product, 1);
    assert_eq!(problem(&post_json(&order.body()), 422), ["/lines/2/sku"]);
}

#[test]
fn prices_in_two_currencies_are_refused() {
    let (euros, dollars) = (shop().product(1250, 5), shop().product(1250, 5));
    let price = json!({ "name": "Thing", "price": { "minor": 1250, "currency": "USD" } });
    let offered = shop().client(ServiceName::Order).put(&format!("/products/{}", dollars.sku), &price).unwrap();
    assert_eq!(offered.status, 200);
    assert_eq!(problem(&post_json(&NewOrder::of(&euros, 1).and(&dollars, 1).body()), 422), ["/lines"]);
}

#[test]
fn what_is_not_json_is_a_bad_request() {
    let more = format!("{} {{}}", good());
    for body in ["", "{", "order", "{\"customer\": }", "\u{feff}{}", more.as_str()] {
        problem(&post(&[JSON], body.as_bytes()), 400);
    }
    problem(&post(&[JSON], b"\xff\xfe"), 400);
}

#[test]
fn another_content_type_is_unsupported() {
    let body = good().to_string();
    for headers in
        [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/x-www-form-urlencoded")]]
    {
        problem(&post(headers, body.as_bytes()), 415);
    }
    let with_charset = post(&[("content-type", "application/json; charset=utf-8")], body.as_bytes());
    assert_eq!(with_charset.status, 202, "{with_charset:?}");
}

#[test]
fn a_body_over_64_kib_is_too_large() {
    let padded = |len: usize| {
        let order = good().to_string();
        format!("{order}{}", " ".repeat(len - order.len()))
    };
    assert_eq!(post(&[JSON], padded(64 * 1024).as_bytes()).status, 202);
    problem(&post(&[JSON], padded(64 * 1024 + 1).as_bytes()), 413);
}

#[test]
fn what_does_not_exist_is_not_found() {
    let nobody = OrderId(Uuid::now_v7());
    let paths = [
        (ServiceName::Order, format!("/orders/{nobody}")),
        (ServiceName::Order, format!("/orders/{nobody}/timeline")),
        (ServiceName::Order, "/orders/7".to_owned()),
        (ServiceName::Order, "/orders/%00".to_owned()),
        (ServiceName::Order, "/products/NEVER-OFFERED".to_owned()),
        (ServiceName::Order, "/schemas/OrderPlaced/1999-01".to_owned()),
        (ServiceName::Order, "/schemas/../Cargo.toml".to_owned()),
        (ServiceName::Order, "/schemas/..%2FCargo.toml/1".to_owned()),
        (ServiceName::Order, "/nothing/here".to_owned()),
        (ServiceName::Inventory, "/stock/NEVER-RECEIVED".to_owned()),
        (ServiceName::Inventory, "/stock/no-sku".to_owned()),
        (ServiceName::Inventory, format!("/reservations/{nobody}")),
        (ServiceName::Payment, format!("/payments/{nobody}")),
        (ServiceName::Shipping, format!("/shipments/{nobody}")),
    ];
    for (service, path) in paths {
        problem(&shop().get(service, &path), 404);
    }
    let client = shop().client(ServiceName::Order);
    problem(&client.post(&format!("/orders/{nobody}/cancel"), &json!({})).unwrap(), 404);
    problem(
        &shop().client(ServiceName::Shipping).post(&format!("/shipments/{nobody}/dispatch"), &json!({})).unwrap(),
        404,
    );
}

#[test]
fn what_a_path_does_not_do_is_not_allowed() {
    let requests = [
        (ServiceName::Order, "DELETE", "/orders"),
        (ServiceName::Order, "PUT", "/orders"),
        (ServiceName::Order, "POST", "/livez"),
        (ServiceName::Inventory, "POST", "/stock"),
        (ServiceName::Payment, "POST", "/payments"),
        (ServiceName::Shipping, "PATCH", "/shipments"),
    ];
    for (service, method, path) in requests {
        problem(&shop().client(service).send(method, path, &[JSON], Some(b"{}")).unwrap(), 405);
    }
}

#[test]
fn an_order_that_is_not_scheduled_can_not_be_dispatched() {
    let product = shop().product(1250, 0);
    let id = shop().place(&NewOrder::of(&product, 1));
    shop().wait_at(ServiceName::Shipping, id, "waiting");
    let reply = shop().client(ServiceName::Shipping).post(&format!("/shipments/{id}/dispatch"), &json!({})).unwrap();
    problem(&reply, 409);
}

#[test]
fn a_header_that_makes_no_sense_is_a_bad_request() {
    let body = good().to_string();
    let long = "k".repeat(201);
    for header in
        [("x-correlation-id", "7"), ("x-correlation-id", ""), ("idempotency-key", ""), ("idempotency-key", &long)]
    {
        problem(&post(&[JSON, header], body.as_bytes()), 400);
    }
}

#[test]
fn a_parameter_that_makes_no_sense_is_named() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 1));
    let wrong = [
        (ServiceName::Order, format!("/orders/{id}?at=yesterday"), "at"),
        (ServiceName::Order, format!("/orders/{id}?at=-1"), "at"),
        (ServiceName::Order, format!("/orders/{id}?at="), "at"),
        (ServiceName::Order, "/orders?cursor=next".to_owned(), "cursor"),
        (ServiceName::Order, "/orders?limit=0".to_owned(), "limit"),
        (ServiceName::Order, "/orders?limit=201".to_owned(), "limit"),
        (ServiceName::Inventory, "/stock?cursor=next".to_owned(), "cursor"),
    ];
    for (service, path, parameter) in wrong {
        assert_eq!(problem(&shop().get(service, &path), 422), [parameter], "{path}");
    }
    for query in ["colour=red", "limit=many", "status=confirmed&status=placed"] {
        problem(&shop().get(ServiceName::Order, &format!("/orders?{query}")), 400);
    }
}

#[test]
fn a_receipt_or_a_product_that_makes_no_sense_is_refused() {
    let sku = unused_sku();
    let receive =
        |body: Value| shop().client(ServiceName::Inventory).post(&format!("/stock/{sku}/receipts"), &body).unwrap();
    for quantity in [json!(0), json!(1_000_001), json!(-1), json!("all")] {
        assert_eq!(problem(&receive(json!({ "quantity": quantity })), 422), ["/quantity"]);
    }
    let offer = |body: Value| shop().client(ServiceName::Order).put(&format!("/products/{sku}"), &body).unwrap();
    assert_eq!(problem(&offer(json!({ "name": " ", "price": eur(1) })), 422), ["/name"]);
    assert_eq!(problem(&offer(json!({ "name": "Thing", "price": eur(-1) })), 422), ["/price/minor"]);
    let euros = json!({ "minor": 1, "currency": "euro" });
    assert_eq!(problem(&offer(json!({ "name": "Thing", "price": euros })), 422), ["/price/currency"]);
    problem(&shop().get(ServiceName::Order, &format!("/products/{sku}")), 404);
}
