//! Lists with filters and pages.

use std::collections::BTreeSet;

use catalog::ServiceName;
use contracts::OrderId;
use e2e::{NewOrder, order_id};
use providers::simulator::cards;
use serde_json::Value;

use crate::cluster;

/// All pages of a list, in order.
fn pages(service: ServiceName, path: &str, items: &str, limit: usize) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = cluster().get_ok(service, &format!("{path}{separator}limit={limit}{cursor}"));
        pages.push(page[items].as_array().expect("a page contains a list").clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

fn ids(orders: &[Value]) -> Vec<OrderId> {
    orders.iter().map(order_id).collect()
}

#[test]
fn pages_list_every_order_once_newest_first() {
    let product = cluster().product(100, 50);
    let placed: Vec<_> = (0..7).map(|_| cluster().place(&NewOrder::of(&product, 1))).collect();
    let pages = pages(ServiceName::Order, "/orders", "orders", 3);
    let (last, full) = pages.split_last().unwrap();
    assert!(full.iter().all(|page| page.len() == 3) && last.len() <= 3);
    let all = ids(&pages.concat());
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "no order appears twice");
    let mine: Vec<_> = all.into_iter().filter(|id| placed.contains(id)).collect();
    assert_eq!(mine, placed.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn status_filter_returns_only_matching_items() {
    let product = cluster().product(100, 50);
    let confirmed = cluster().place(&NewOrder::of(&product, 1));
    let cancelled = cluster().place(&NewOrder::of(&product, 1).paid_with(cards::DECLINED));
    cluster().wait_until_confirmed(confirmed);
    cluster().wait_until_cancelled(cancelled, "payment_declined");
    let orders = pages(ServiceName::Order, "/orders?status=cancelled", "orders", 200).concat();
    assert!(orders.iter().all(|order| order["status"] == "cancelled"), "{orders:?}");
    assert!(ids(&orders).contains(&cancelled) && !ids(&orders).contains(&confirmed));
    assert_eq!(cluster().get_ok(ServiceName::Order, "/orders?status=nonsense")["orders"], serde_json::json!([]));
    let payments = pages(ServiceName::Payment, "/payments?status=declined", "payments", 200).concat();
    assert!(ids(&payments).contains(&cancelled) && !ids(&payments).contains(&confirmed));
    let shipments = pages(ServiceName::Shipping, "/shipments?status=scheduled", "shipments", 200).concat();
    assert!(ids(&shipments).contains(&confirmed) && !ids(&shipments).contains(&cancelled));
}

#[test]
fn lists_contain_products_and_stock() {
    let product = cluster().product(4321, 17);
    let find = |items: Vec<Value>| {
        items.into_iter().find(|item| item["sku"] == product.sku.as_str()).expect("the list contains the product")
    };
    let listed = find(pages(ServiceName::Order, "/products", "products", 200).concat());
    assert_eq!(listed["price"]["minor"], 4321);
    assert_eq!(find(pages(ServiceName::Inventory, "/stock", "stock", 200).concat())["on_hand"], 17);
}
