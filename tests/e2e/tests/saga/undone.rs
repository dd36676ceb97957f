//! Orders that a service can't go on with: what was done for them is undone.

use contracts::CancelReason;
use e2e::{Entry, NewOrder};
use providers::simulator::{GatewayEntry, addresses, cards};
use xtask::ServiceName;

use crate::shop;

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.event.as_str()).collect()
}

#[test]
fn one_short_line_of_three_reserves_nothing_charges_nothing_and_books_nothing() {
    let (plenty, short, enough) = (shop().product(100, 50), shop().product(200, 2), shop().product(300, 5));
    let id = shop().place(&NewOrder::of(&plenty, 10).and(&short, 3).and(&enough, 5));
    shop().wait_until_cancelled(id, "out_of_stock");
    for product in [plenty, short, enough] {
        assert_eq!(shop().stock(&product), product.untouched());
    }
    shop().must_be_unheard_of(id);
    assert_eq!(names(&shop().timeline(id)), ["OrderPlaced", "StockReservationRejected", "OrderCancelled"]);
}

#[test]
fn what_was_never_in_stock_is_out_of_stock() {
    let id = shop().place(&NewOrder::of(&shop().product(100, 0), 1));
    shop().wait_until_cancelled(id, "out_of_stock");
    shop().must_be_unheard_of(id);
}

#[test]
fn the_last_unit_is_sold_once() {
    let product = shop().product(100, 1);
    let orders: Vec<_> = (0..5).map(|_| shop().place(&NewOrder::of(&product, 1))).collect();
    let ends = orders.iter().map(|id| shop().wait_for_status(*id, &["confirmed", "cancelled"]));
    assert_eq!(ends.filter(|order| order["status"] == "confirmed").count(), 1);
    assert_eq!(shop().stock(&product), product.stock(0, 1));
}

#[test]
fn a_declined_card_gives_the_stock_back_and_captures_nothing() {
    for card in [cards::DECLINED, cards::INSUFFICIENT_FUNDS, "tok_of_nobody"] {
        let product = shop().product(1250, 5);
        let id = shop().place(&NewOrder::of(&product, 2).paid_with(card));
        shop().wait_until_cancelled(id, "payment_declined");
        assert_eq!(shop().stock(&product), product.untouched());
        shop().must_be_unheard_of(id);
    }
}

#[test]
fn a_shipment_that_the_carrier_refuses_is_refunded_and_restocked() {
    let product = shop().product(1250, 5);
    let nowhere = NewOrder::of(&product, 2).to_country(addresses::UNSERVED_COUNTRY);
    let unknown = NewOrder::of(&product, 3).to_postal_code(addresses::UNKNOWN_POSTAL_CODE);
    for order in [nowhere, unknown] {
        let id = shop().place(&order);
        shop().wait_until_cancelled(id, "shipment_rejected");
        let (captured_minor, refunded_minor) = (order.total_minor(), order.total_minor());
        let money = GatewayEntry { captures: 1, captured_minor, refunds: 1, refunded_minor, voids: 0 };
        assert_eq!(shop().money(id), money);
        assert_eq!(shop().parcel(id).bookings, 0);
        shop().must_be_undone(id);
    }
    assert_eq!(shop().stock(&product), product.untouched());
}

#[test]
fn every_compensation_says_why() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 2).to_country(addresses::UNSERVED_COUNTRY));
    shop().wait_until_cancelled(id, "shipment_rejected");
    let records = shop().topics().read(&contracts::TOPICS);
    for event in ["PaymentRefunded", "StockReleased", "OrderCancelled"] {
        let record = records.wait_for_one(&id.to_string(), event, |record| record.event() == Some(event));
        let data: serde_json::Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        assert_eq!(data["reason"], <&str>::from(CancelReason::ShipmentRejected), "{event}: {data}");
    }
    assert_eq!(shop().wait_at(ServiceName::Payment, id, "refunded")["status"], "refunded");
    assert_eq!(shop().wait_at(ServiceName::Inventory, id, "released")["lines"], serde_json::json!([]));
}
