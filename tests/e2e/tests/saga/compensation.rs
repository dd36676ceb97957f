//! Compensation of orders that fail part-way.

use catalog::ServiceName;
use contracts::CancelReason;
use e2e::{NewOrder, TimelineEntry};
use providers::simulator::{GatewayTotals, addresses, cards};

use crate::cluster;

fn names(entries: &[TimelineEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.event.as_str()).collect()
}

#[test]
fn one_unavailable_line_cancels_order_without_effects() {
    let (plenty, scarce, enough) = (cluster().product(100, 50), cluster().product(200, 2), cluster().product(300, 5));
    let id = cluster().place(&NewOrder::of(&plenty, 10).and(&scarce, 3).and(&enough, 5));
    cluster().wait_until_cancelled(id, "out_of_stock");
    for product in [plenty, scarce, enough] {
        assert_eq!(cluster().stock(&product), product.initial_stock());
    }
    cluster().assert_no_provider_effects(id);
    assert_eq!(names(&cluster().timeline(id)), ["OrderPlaced", "StockReservationRejected", "OrderCancelled"]);
}

#[test]
fn product_without_receipts_is_out_of_stock() {
    let id = cluster().place(&NewOrder::of(&cluster().product(100, 0), 1));
    cluster().wait_until_cancelled(id, "out_of_stock");
    cluster().assert_no_provider_effects(id);
}

#[test]
fn last_unit_is_sold_once() {
    let product = cluster().product(100, 1);
    let orders: Vec<_> = (0..5).map(|_| cluster().place(&NewOrder::of(&product, 1))).collect();
    let outcomes = orders.iter().map(|id| cluster().wait_for_status(*id, &["confirmed", "cancelled"]));
    assert_eq!(outcomes.filter(|order| order["status"] == "confirmed").count(), 1);
    assert_eq!(cluster().stock(&product), product.stock(0, 1));
}

#[test]
fn declined_card_releases_stock_without_charge() {
    for card in [cards::DECLINED, cards::INSUFFICIENT_FUNDS, "tok_of_nobody"] {
        let product = cluster().product(1250, 5);
        let id = cluster().place(&NewOrder::of(&product, 2).paid_with(card));
        cluster().wait_until_cancelled(id, "payment_declined");
        assert_eq!(cluster().stock(&product), product.initial_stock());
        cluster().assert_no_provider_effects(id);
    }
}

#[test]
fn rejected_shipment_is_refunded_and_restocked() {
    let product = cluster().product(1250, 5);
    let unserved = NewOrder::of(&product, 2).to_country(addresses::UNSERVED_COUNTRY);
    let unknown = NewOrder::of(&product, 3).to_postal_code(addresses::UNKNOWN_POSTAL_CODE);
    for order in [unserved, unknown] {
        let id = cluster().place(&order);
        cluster().wait_until_cancelled(id, "shipment_rejected");
        let (captured_minor, refunded_minor) = (order.total_minor(), order.total_minor());
        let money = GatewayTotals { captures: 1, captured_minor, refunds: 1, refunded_minor, voids: 0 };
        assert_eq!(cluster().gateway_entry(id), money);
        assert_eq!(cluster().carrier_entry(id).bookings, 0);
        cluster().assert_compensated(id);
    }
    assert_eq!(cluster().stock(&product), product.initial_stock());
}

#[test]
fn compensations_carry_the_cancel_reason() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 2).to_country(addresses::UNSERVED_COUNTRY));
    cluster().wait_until_cancelled(id, "shipment_rejected");
    let records = cluster().topics().read_all();
    for event in ["PaymentRefunded", "StockReleased", "OrderCancelled"] {
        let record = records.wait_for_event(&id.to_string(), event);
        let data: serde_json::Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
        assert_eq!(data["reason"], <&str>::from(CancelReason::ShipmentRejected), "{event}: {data}");
    }
    assert_eq!(cluster().wait_for_participant_status(ServiceName::Payment, id, "refunded")["status"], "refunded");
    assert_eq!(
        cluster().wait_for_participant_status(ServiceName::Inventory, id, "released")["lines"],
        serde_json::json!([])
    );
}
