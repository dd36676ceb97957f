//! The catalog, and placing orders from it.

use contracts::{Currency, Money, order::OrderLine, order::OrderPlaced, samples, samples::ORDER, samples::sku};
use decider::{LogEvent, Service as _, StreamId};
use order::{
    decider::{Command, Order, Product, State},
    policy::{ORDERS, PRODUCTS},
};

use crate::{TEA, catalog, empty, list, listed, place, placed, product};

#[test]
fn prices_come_from_the_catalog() {
    catalog().when_commanded(&place(&[("MUG", 2), (TEA, 1)])).then([placed()]);
}

#[test]
fn new_price_applies_to_later_orders_only() {
    let mugs = |unit, total| {
        let lines = vec![OrderLine { sku: sku("MUG"), quantity: 2, unit_price: Money::eur(unit) }];
        LogEvent::Public(OrderPlaced { lines, total: Money::eur(total), ..samples::order_placed() }.into())
    };
    catalog()
        .when_commanded(&list("MUG", 1300))
        .then([listed("MUG", 1300)])
        .when_commanded(&place(&[("MUG", 2)]))
        .then([mugs(1300, 2600)])
        .when_commanded(&list("MUG", 1400))
        .then([listed("MUG", 1400)])
        .when_commanded(&place(&[("MUG", 2)]))
        .then([]);
}

#[test]
fn product_is_listed_once_when_repeated() {
    let mug = list("MUG", 1250);
    empty().when_commanded(&mug).then([listed("MUG", 1250)]).when_commanded(&mug).then([]);
}

#[test]
fn order_is_not_placed_when_it_has_no_price() {
    let dollars = Money { minor: 1, currency: "USD".parse::<Currency>().expect("a currency") };
    let import = Command::ListProduct(Product { price: dollars, ..product("IMPORT", 0) });
    let case = catalog().when_commanded(&list("GOLD", i64::MAX / 2)).when_commanded(&import);
    let unpriced: [&[(&str, u32)]; 6] = [
        &[("UNKNOWN", 1)],
        &[("MUG", 1), ("UNKNOWN", 1)],
        &[],
        &[("MUG", 1), ("IMPORT", 1)],
        &[("GOLD", 3)],
        &[("GOLD", 2), ("MUG", 1)],
    ];
    let _ = unpriced.into_iter().fold(case, |case, lines| case.when_commanded(&place(lines)).then([]));
}

/// The API derives an order's id from the idempotency key of the request.
#[test]
fn order_is_placed_once_when_lines_differ() {
    catalog()
        .when_commanded(&place(&[("MUG", 2), (TEA, 1)]))
        .then([placed()])
        .when_commanded(&place(&[(TEA, 7)]))
        .then([]);
}

#[test]
fn placement_loads_the_order_and_its_products() {
    let streams = Order::streams(&place(&[("MUG", 2), (TEA, 1)]), &State::default());
    let product = |text| StreamId::new(PRODUCTS, sku(text));
    assert_eq!(streams, [StreamId::new(ORDERS, ORDER), product("MUG"), product(TEA)]);
}
