//! Orders that go well.

use std::collections::BTreeMap;

use contracts::EventId;
use e2e::{Entry, NewOrder, order_id, records::Record};
use providers::simulator::{addresses, cards};
use uuid::Uuid;

use crate::shop;

/// What happens to a good order, with what may have led to each event. A service that needs two facts goes on with the
/// one that comes last, and topics are independent.
const STEPS: [(&str, &[&str]); 6] = [
    ("OrderPlaced", &[]),
    ("StockReserved", &["OrderPlaced"]),
    ("PaymentCaptured", &["StockReserved", "OrderPlaced"]),
    ("StockCommitted", &["PaymentCaptured"]),
    ("ShipmentScheduled", &["StockCommitted", "OrderPlaced"]),
    ("OrderConfirmed", &["ShipmentScheduled"]),
];

#[test]
fn an_order_of_several_lines_is_charged_once_booked_once_and_leaves_the_stock() {
    let (mug, tea, pot) = (shop().product(1250, 10), shop().product(899, 10), shop().product(3900, 1));
    let order = NewOrder::of(&mug, 2).and(&tea, 3).and(&pot, 1);
    let id = shop().place(&order);
    shop().wait_until_confirmed(id);
    shop().must_be_sold(id, 2 * 1250 + 3 * 899 + 3900);
    for (product, quantity) in [(mug, 2), (tea, 3), (pot, 1)] {
        assert_eq!(shop().stock(&product), product.stock(0, quantity));
    }
}

#[test]
fn the_timeline_is_one_chain_of_causes_from_the_customers_request() {
    let correlation_id = Uuid::now_v7().to_string();
    let order = NewOrder::of(&shop().product(1250, 1), 1);
    let reply = shop().try_place(&order, &[("x-correlation-id", &correlation_id)]).unwrap();
    assert_eq!(reply.header("x-correlation-id"), Some(correlation_id.as_str()));
    let id = order_id(&reply.expect_status(202).unwrap());

    let entries = shop().wait_for_events(id, &STEPS.map(|(event, _)| event));
    let events: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!(events, STEPS.map(|(event, _)| event), "each once, in causal order");
    assert!(entries.is_sorted_by_key(|entry| entry.time), "{entries:?}");
    assert_eq!(shop().timeline_json(id)["correlation_id"], correlation_id);
    let names: BTreeMap<EventId, &str> = entries.iter().map(|entry| (entry.id, entry.event.as_str())).collect();
    for (entry, (event, causes)) in entries.iter().zip(STEPS) {
        let cause = entry.caused_by.map(|cause| *names.get(&cause).expect("causes are in the timeline"));
        assert_eq!(cause.is_none(), causes.is_empty(), "{entry:?}");
        assert!(cause.is_none_or(|cause| causes.contains(&cause)), "{event} was caused by {cause:?}");
    }
}

#[test]
fn every_record_of_an_order_carries_its_correlation_id_and_one_hop_more_than_its_cause() {
    let correlation_id = Uuid::now_v7().to_string();
    let order = NewOrder::of(&shop().product(1250, 1), 1);
    let reply = shop().try_place(&order, &[("x-correlation-id", &correlation_id)]).unwrap();
    let id = order_id(&reply.expect_status(202).unwrap());
    shop().wait_until_confirmed(id);
    assert_eq!(shop().cancel(id), 202);

    // Six on the way there; requested, shipment cancelled, refunded, released and cancelled on the way back.
    let (topics, id) = (shop().topics().read(&contracts::TOPICS), id.to_string());
    topics.wait_for_one(&id, "OrderCancelled", |record| record.event() == Some("OrderCancelled"));
    let records = topics.wait_for("eleven records", |_| Some(topics.about(&id)).filter(|all| all.len() >= 11));
    assert_eq!(records.len(), 11, "{records:?}");
    let hops = |record: &Record| record.header("ce_hops").and_then(|hops| hops.parse::<u32>().ok()).expect("a number");
    for record in &records {
        assert_eq!(record.header("ce_correlationid"), Some(correlation_id.as_str()), "{record:?}");
        assert_eq!(record.header("ce_subject"), Some(id.as_str()), "{record:?}");
        assert_eq!(record.header("ce_specversion"), Some("1.0"), "{record:?}");
        assert_eq!(record.header("content-type"), Some("application/json"), "{record:?}");
        let is_cause = |cause: &&Record| cause.header("ce_id") == record.header("ce_causationid");
        let cause =
            record.header("ce_causationid").map(|_| records.iter().find(is_cause).expect("it is about the order"));
        assert_eq!(hops(record), cause.map_or(0, |cause| hops(cause) + 1), "{record:?}");
    }
}

#[test]
fn a_gateway_whose_answers_get_lost_captures_once() {
    let order = NewOrder::of(&shop().product(1250, 5), 2).paid_with(cards::FLAKY);
    let id = shop().place(&order);
    shop().wait_until_confirmed(id);
    shop().must_be_sold(id, 2500);
    assert_eq!(shop().gateway().calls_of(id).unwrap().len(), 3, "two failed");
}

#[test]
fn a_carrier_whose_answers_get_lost_books_once() {
    let order = NewOrder::of(&shop().product(1250, 5), 2).to_postal_code(addresses::FLAKY_POSTAL_CODE);
    let id = shop().place(&order);
    shop().wait_until_confirmed(id);
    shop().must_be_sold(id, 2500);
    assert_eq!(shop().carrier().calls_of(id).unwrap().len(), 3, "two failed");
}

#[test]
fn a_slow_gateway_holds_up_its_own_order_only() {
    let product = shop().product(1250, 5);
    let slow = shop().place(&NewOrder::of(&product, 1).paid_with(cards::SLOW));
    shop().wait_at(xtask::ServiceName::Payment, slow, "charging");
    let quick = shop().place(&NewOrder::of(&product, 1));
    shop().wait_until_confirmed(quick);
    assert_eq!(shop().status(slow), "stock_reserved", "it still waits for the gateway");
    shop().wait_until_confirmed(slow);
    shop().must_be_sold(slow, 1250);
}

#[test]
fn a_dispatched_order_says_so() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 1));
    shop().wait_until_confirmed(id);
    assert_eq!(shop().dispatch(id), 200);
    shop().wait_for_status(id, &["dispatched"]);
    assert_eq!(shop().dispatch(id), 200, "once more changes nothing");
    let dispatched = |entries: &[Entry]| entries.iter().filter(|entry| entry.event == "ShipmentDispatched").count();
    assert_eq!(dispatched(&shop().timeline(id)), 1);
    shop().must_be_sold(id, 1250);
}
