//! Invalid requests and the problems they return.

use catalog::ServiceName;
use contracts::OrderId;
use e2e::{NewOrder, eur, unused_sku};
use serde_json::{Value, json};
use uuid::Uuid;
use xtask::Reply;

use super::expect_problem;
use crate::cluster;

const JSON: (&str, &str) = ("content-type", "application/json");

fn valid_order() -> Value {
    NewOrder::of(&cluster().product(1250, 5), 2).body()
}

fn post(headers: &[(&str, &str)], body: &[u8]) -> Reply {
    cluster()
        .client(ServiceName::Order)
        .send("POST", "/orders", headers, Some(body))
        .expect("the order service replies")
}

fn post_json(body: &Value) -> Reply {
    post(&[JSON], body.to_string().as_bytes())
}

/// Places a valid order with one value replaced.
fn place_with(pointer: &str, value: Value) -> Reply {
    let mut order = valid_order();
    *order.pointer_mut(pointer).expect("the order has this value") = value;
    post_json(&order)
}

/// Places a valid order after a change of one of its objects.
fn place_changed(object: &str, change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Reply {
    let mut order = valid_order();
    change(order.pointer_mut(object).and_then(Value::as_object_mut).expect("the pointer refers to an object"));
    post_json(&order)
}

#[test]
fn invalid_values_are_reported_by_pointer() {
    let long = "x".repeat(201);
    let invalid = [
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
    for (pointer, value) in invalid {
        assert_eq!(expect_problem(&place_with(pointer, value.clone()), 422), [pointer], "{value}");
    }
}

#[test]
fn unknown_fields_are_reported_by_pointer() {
    for object in ["", "/lines/0", "/address"] {
        let reply = place_changed(object, |fields| _ = fields.insert("colour".to_owned(), json!("red")));
        assert_eq!(expect_problem(&reply, 422), [format!("{object}/colour")]);
    }
}

#[test]
fn prices_from_clients_are_rejected() {
    let reply = place_changed("/lines/0", |fields| _ = fields.insert("unit_price".to_owned(), eur(1)));
    assert_eq!(expect_problem(&reply, 422), ["/lines/0/unit_price"]);
}

#[test]
fn missing_fields_are_reported_by_pointer() {
    let missing =
        [("", "customer"), ("", "lines"), ("/lines/0", "quantity"), ("/lines/0", "sku"), ("/address", "city")];
    for (object, field) in missing {
        let reply = place_changed(object, |fields| _ = fields.remove(field));
        assert_eq!(expect_problem(&reply, 422), [format!("{object}/{field}")]);
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let mut order = valid_order();
    order["customer"] = json!(" ");
    order["address"]["country"] = json!("??");
    order["lines"][0]["quantity"] = json!(0);
    assert_eq!(expect_problem(&post_json(&order), 422), ["/customer", "/lines/0/quantity", "/address/country"]);
}

#[test]
fn orders_above_fifty_lines_are_rejected() {
    let lines = |count: usize| (0..count).map(|_| json!({ "sku": unused_sku(), "quantity": 1 })).collect::<Value>();
    assert_eq!(expect_problem(&place_with("/lines", lines(51)), 422), ["/lines"]);
    let fifty = expect_problem(&place_with("/lines", lines(50)), 422);
    assert_eq!(fifty.len(), 50, "50 lines are allowed, but no product exists: {fifty:?}");
}

#[test]
fn duplicate_products_are_rejected() {
    let product = cluster().product(1250, 5);
    let order = NewOrder::of(&product, 1).and(&cluster().product(1250, 5), 1).and(&product, 1);
    assert_eq!(expect_problem(&post_json(&order.body()), 422), ["/lines/2/sku"]);
}

#[test]
fn mixed_currencies_are_rejected() {
    let (euros, dollars) = (cluster().product(1250, 5), cluster().product(1250, 5));
    let price = json!({ "name": "Thing", "price": { "minor": 1250, "currency": "USD" } });
    let stored = cluster().client(ServiceName::Order).put(&format!("/products/{}", dollars.sku), &price).unwrap();
    assert_eq!(stored.status, 200);
    assert_eq!(expect_problem(&post_json(&NewOrder::of(&euros, 1).and(&dollars, 1).body()), 422), ["/lines"]);
}

#[test]
fn malformed_json_is_a_bad_request() {
    let trailing = format!("{} {{}}", valid_order());
    for body in ["", "{", "order", "{\"customer\": }", "\u{feff}{}", trailing.as_str()] {
        expect_problem(&post(&[JSON], body.as_bytes()), 400);
    }
    expect_problem(&post(&[JSON], b"\xff\xfe"), 400);
}

#[test]
fn other_content_types_are_unsupported() {
    let body = valid_order().to_string();
    for headers in
        [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/x-www-form-urlencoded")]]
    {
        expect_problem(&post(headers, body.as_bytes()), 415);
    }
    let with_charset = post(&[("content-type", "application/json; charset=utf-8")], body.as_bytes());
    assert_eq!(with_charset.status, 202, "{with_charset:?}");
}

#[test]
fn bodies_above_64_kib_are_too_large() {
    let padded = |len: usize| {
        let order = valid_order().to_string();
        format!("{order}{}", " ".repeat(len - order.len()))
    };
    assert_eq!(post(&[JSON], padded(64 * 1024).as_bytes()).status, 202);
    expect_problem(&post(&[JSON], padded(64 * 1024 + 1).as_bytes()), 413);
}

#[test]
fn unknown_resources_are_not_found() {
    let unknown = OrderId(Uuid::now_v7());
    let paths = [
        (ServiceName::Order, format!("/orders/{unknown}")),
        (ServiceName::Order, format!("/orders/{unknown}/timeline")),
        (ServiceName::Order, "/orders/7".to_owned()),
        (ServiceName::Order, "/orders/%00".to_owned()),
        (ServiceName::Order, "/products/NEVER-OFFERED".to_owned()),
        (ServiceName::Order, "/schemas/OrderPlaced/1999-01".to_owned()),
        (ServiceName::Order, "/schemas/../Cargo.toml".to_owned()),
        (ServiceName::Order, "/schemas/..%2FCargo.toml/1".to_owned()),
        (ServiceName::Order, "/nothing/here".to_owned()),
        (ServiceName::Inventory, "/stock/NEVER-RECEIVED".to_owned()),
        (ServiceName::Inventory, "/stock/no-sku".to_owned()),
        (ServiceName::Inventory, format!("/reservations/{unknown}")),
        (ServiceName::Payment, format!("/payments/{unknown}")),
        (ServiceName::Shipping, format!("/shipments/{unknown}")),
    ];
    for (service, path) in paths {
        expect_problem(&cluster().get(service, &path), 404);
    }
    let client = cluster().client(ServiceName::Order);
    expect_problem(&client.post(&format!("/orders/{unknown}/cancel"), &json!({})).unwrap(), 404);
    expect_problem(
        &cluster().client(ServiceName::Shipping).post(&format!("/shipments/{unknown}/dispatch"), &json!({})).unwrap(),
        404,
    );
}

#[test]
fn unsupported_methods_are_not_allowed() {
    let requests = [
        (ServiceName::Order, "DELETE", "/orders"),
        (ServiceName::Order, "PUT", "/orders"),
        (ServiceName::Order, "POST", "/livez"),
        (ServiceName::Inventory, "POST", "/stock"),
        (ServiceName::Payment, "POST", "/payments"),
        (ServiceName::Shipping, "PATCH", "/shipments"),
    ];
    for (service, method, path) in requests {
        expect_problem(&cluster().client(service).send(method, path, &[JSON], Some(b"{}")).unwrap(), 405);
    }
}

#[test]
fn dispatch_conflicts_until_shipment_is_scheduled() {
    let product = cluster().product(1250, 0);
    let id = cluster().place(&NewOrder::of(&product, 1));
    cluster().wait_for_participant_status(ServiceName::Shipping, id, "waiting");
    let reply = cluster().client(ServiceName::Shipping).post(&format!("/shipments/{id}/dispatch"), &json!({})).unwrap();
    expect_problem(&reply, 409);
}

#[test]
fn invalid_headers_are_bad_requests() {
    let body = valid_order().to_string();
    let long = "k".repeat(201);
    for header in
        [("x-correlation-id", "7"), ("x-correlation-id", ""), ("idempotency-key", ""), ("idempotency-key", &long)]
    {
        expect_problem(&post(&[JSON, header], body.as_bytes()), 400);
    }
}

#[test]
fn invalid_parameters_are_reported_by_name() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 1));
    let invalid = [
        (ServiceName::Order, format!("/orders/{id}?at=yesterday"), "at"),
        (ServiceName::Order, format!("/orders/{id}?at=-1"), "at"),
        (ServiceName::Order, format!("/orders/{id}?at="), "at"),
        (ServiceName::Order, "/orders?cursor=next".to_owned(), "cursor"),
        (ServiceName::Order, "/orders?limit=0".to_owned(), "limit"),
        (ServiceName::Order, "/orders?limit=201".to_owned(), "limit"),
        (ServiceName::Inventory, "/stock?cursor=next".to_owned(), "cursor"),
    ];
    for (service, path, parameter) in invalid {
        assert_eq!(expect_problem(&cluster().get(service, &path), 422), [parameter], "{path}");
    }
    for query in ["colour=red", "limit=many", "status=confirmed&status=placed"] {
        expect_problem(&cluster().get(ServiceName::Order, &format!("/orders?{query}")), 400);
    }
}

#[test]
fn invalid_receipts_are_rejected() {
    let path = format!("/stock/{}/receipts", unused_sku());
    for quantity in [json!(0), json!(1_000_001), json!(-1), json!("all")] {
        let body = json!({ "quantity": quantity });
        let reply = cluster().client(ServiceName::Inventory).post(&path, &body).unwrap();
        assert_eq!(expect_problem(&reply, 422), ["/quantity"]);
    }
}

#[test]
fn invalid_products_are_rejected() {
    let path = format!("/products/{}", unused_sku());
    let euros = json!({ "minor": 1, "currency": "euro" });
    let invalid = [
        (json!({ "name": " ", "price": eur(1) }), "/name"),
        (json!({ "name": "Thing", "price": eur(-1) }), "/price/minor"),
        (json!({ "name": "Thing", "price": euros }), "/price/currency"),
    ];
    for (body, pointer) in invalid {
        let reply = cluster().client(ServiceName::Order).put(&path, &body).unwrap();
        assert_eq!(expect_problem(&reply, 422), [pointer]);
    }
    expect_problem(&cluster().get(ServiceName::Order, &path), 404);
}
