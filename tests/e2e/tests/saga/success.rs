//! Orders that succeed.

use std::collections::BTreeMap;

use catalog::ServiceName;
use contracts::EventId;
use e2e::{NewOrder, TimelineEntry, order_id, records::KafkaRecord};
use providers::simulator::{addresses, cards};
use uuid::Uuid;

use crate::cluster;

/// Events of a successful order, each with its possible causes. A service that needs two facts continues with the later
/// one, and topics are independent.
const STEPS: [(&str, &[&str]); 6] = [
    ("OrderPlaced", &[]),
    ("StockReserved", &["OrderPlaced"]),
    ("PaymentCaptured", &["StockReserved", "OrderPlaced"]),
    ("StockCommitted", &["PaymentCaptured"]),
    ("ShipmentScheduled", &["StockCommitted", "OrderPlaced"]),
    ("OrderConfirmed", &["ShipmentScheduled"]),
];

#[test]
fn order_of_several_lines_is_charged_booked_and_shipped_once() {
    let (mug, tea, pot) = (cluster().product(1250, 10), cluster().product(899, 10), cluster().product(3900, 1));
    let order = NewOrder::of(&mug, 2).and(&tea, 3).and(&pot, 1);
    let id = cluster().place(&order);
    cluster().wait_until_confirmed(id);
    cluster().assert_paid_and_booked(id, 2 * 1250 + 3 * 899 + 3900);
    for (product, quantity) in [(mug, 2), (tea, 3), (pot, 1)] {
        assert_eq!(cluster().stock(&product), product.stock(0, quantity));
    }
}

#[test]
fn timeline_links_every_event_to_its_cause() {
    let correlation_id = Uuid::now_v7().to_string();
    let order = NewOrder::of(&cluster().product(1250, 1), 1);
    let reply = cluster().try_place(&order, &[("x-correlation-id", &correlation_id)]).unwrap();
    assert_eq!(reply.header("x-correlation-id"), Some(correlation_id.as_str()));
    let id = order_id(&reply.expect_status(202).unwrap());

    let entries = cluster().wait_for_events(id, &STEPS.map(|(event, _)| event));
    let events: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!(events, STEPS.map(|(event, _)| event), "each event appears once, in causal order");
    assert!(entries.is_sorted_by_key(|entry| entry.time), "{entries:?}");
    assert_eq!(cluster().timeline_json(id)["correlation_id"], correlation_id);
    let names: BTreeMap<EventId, &str> = entries.iter().map(|entry| (entry.id, entry.event.as_str())).collect();
    for (entry, (event, causes)) in entries.iter().zip(STEPS) {
        let cause = entry.caused_by.map(|cause| *names.get(&cause).expect("the timeline contains every cause"));
        assert_eq!(cause.is_none(), causes.is_empty(), "{entry:?}");
        assert!(cause.is_none_or(|cause| causes.contains(&cause)), "{event} has a possible cause, not {cause:?}");
    }
}

#[test]
fn records_carry_correlation_id_and_count_hops() {
    let correlation_id = Uuid::now_v7().to_string();
    let order = NewOrder::of(&cluster().product(1250, 1), 1);
    let reply = cluster().try_place(&order, &[("x-correlation-id", &correlation_id)]).unwrap();
    let id = order_id(&reply.expect_status(202).unwrap());
    cluster().wait_until_confirmed(id);
    assert_eq!(cluster().cancel(id), 202);

    // Six until the confirmation; then requested, shipment cancelled, refunded, released and cancelled.
    let (topics, id) = (cluster().topics().read_all(), id.to_string());
    topics.wait_for_event(&id, "OrderCancelled");
    let records = topics.wait_for("eleven records", |_| Some(topics.about(&id)).filter(|all| all.len() >= 11));
    assert_eq!(records.len(), 11, "{records:?}");
    let hops = |record: &KafkaRecord| {
        record.header("ce_hops").and_then(|hops| hops.parse::<u32>().ok()).expect("a number of hops")
    };
    for record in &records {
        assert_eq!(record.header("ce_correlationid"), Some(correlation_id.as_str()), "{record:?}");
        assert_eq!(record.header("ce_subject"), Some(id.as_str()), "{record:?}");
        assert_eq!(record.header("ce_specversion"), Some("1.0"), "{record:?}");
        assert_eq!(record.header("content-type"), Some("application/json"), "{record:?}");
        let is_cause = |cause: &&KafkaRecord| cause.header("ce_id") == record.header("ce_causationid");
        let cause = record
            .header("ce_causationid")
            .map(|_| records.iter().find(is_cause).expect("the cause is about the same order"));
        assert_eq!(hops(record), cause.map_or(0, |cause| hops(cause) + 1), "{record:?}");
    }
}

#[test]
fn gateway_captures_once_when_responses_are_lost() {
    let order = NewOrder::of(&cluster().product(1250, 5), 2).paid_with(cards::FLAKY);
    let id = cluster().place(&order);
    cluster().wait_until_confirmed(id);
    cluster().assert_paid_and_booked(id, 2500);
    assert_eq!(cluster().gateway_ledger().calls_of(id).unwrap().len(), 3, "two failed calls and one success");
}

#[test]
fn carrier_books_once_when_responses_are_lost() {
    let order = NewOrder::of(&cluster().product(1250, 5), 2).to_postal_code(addresses::FLAKY_POSTAL_CODE);
    let id = cluster().place(&order);
    cluster().wait_until_confirmed(id);
    cluster().assert_paid_and_booked(id, 2500);
    assert_eq!(cluster().carrier_ledger().calls_of(id).unwrap().len(), 3, "two failed calls and one success");
}

#[test]
fn slow_gateway_delays_only_its_own_order() {
    let product = cluster().product(1250, 5);
    let slow = cluster().place(&NewOrder::of(&product, 1).paid_with(cards::SLOW));
    cluster().wait_for_participant_status(ServiceName::Payment, slow, "charging");
    let quick = cluster().place(&NewOrder::of(&product, 1));
    cluster().wait_until_confirmed(quick);
    assert_eq!(cluster().status(slow), "stock_reserved", "the slow order still waits for the gateway");
    cluster().wait_until_confirmed(slow);
    cluster().assert_paid_and_booked(slow, 1250);
}

#[test]
fn dispatching_is_idempotent_and_updates_the_order() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 1));
    cluster().wait_until_confirmed(id);
    assert_eq!(cluster().dispatch(id), 200);
    cluster().wait_for_status(id, &["dispatched"]);
    assert_eq!(cluster().dispatch(id), 200, "a repeated dispatch succeeds");
    let dispatched =
        |entries: &[TimelineEntry]| entries.iter().filter(|entry| entry.event == "ShipmentDispatched").count();
    assert_eq!(dispatched(&cluster().timeline(id)), 1);
    cluster().assert_paid_and_booked(id, 1250);
}
