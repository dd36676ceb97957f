//! Cancellation by customers at every stage of an order.

use std::{collections::BTreeMap, thread};

use catalog::ServiceName;
use contracts::OrderId;
use e2e::{NewOrder, TestProduct};
use providers::simulator::{GatewayTotals, addresses, cards};
use serde_json::Value;

use crate::cluster;

#[test]
fn cancellation_during_slow_charge_voids_it() {
    let product = cluster().product(1250, 5);
    let id = cluster().place(&NewOrder::of(&product, 2).paid_with(cards::SLOW));
    cluster().wait_for_participant_status(ServiceName::Payment, id, "charging");
    assert_eq!(cluster().cancel(id), 202);
    cluster().wait_until_cancelled(id, "customer");
    assert_eq!(cluster().stock(&product), product.initial_stock());
    cluster().assert_compensated(id);
    // The charge is still open at the gateway; only its response shows that it was voided.
    let response = || {
        let calls = cluster().gateway_ledger().calls_of(id).unwrap();
        let charge = calls.iter().find(|call| call.kind == "charge").expect("payment called the gateway");
        charge.answer.clone().ok_or_else(|| format!("{charge:?}"))
    };
    let response = xtask::wait_until("the response to the slow charge", e2e::TEST_TIMEOUT, response).unwrap();
    assert!(response.contains("voided"), "{response}");
    assert_eq!(cluster().gateway_entry(id), GatewayTotals { voids: 1, ..GatewayTotals::default() });
}

#[test]
fn cancellation_during_slow_booking_refunds() {
    let product = cluster().product(1250, 5);
    let id = cluster().place(&NewOrder::of(&product, 2).to_postal_code(addresses::SLOW_POSTAL_CODE));
    cluster().wait_for_participant_status(ServiceName::Shipping, id, "booking");
    assert_eq!(cluster().cancel(id), 202);
    cluster().wait_until_cancelled(id, "customer");
    assert_eq!(cluster().stock(&product), product.initial_stock());
    cluster().assert_compensated(id);
    assert_eq!(cluster().gateway_entry(id).refunded_minor, 2500);
}

#[test]
fn cancellation_while_gateway_is_down_voids_the_charge() {
    let product = cluster().product(1250, 5);
    let id = cluster().place(&NewOrder::of(&product, 2).paid_with(cards::ERROR));
    cluster().wait_for_participant_status(ServiceName::Payment, id, "charging");
    assert_eq!(cluster().cancel(id), 202);
    cluster().wait_until_cancelled(id, "customer");
    assert_eq!(cluster().stock(&product), product.initial_stock());
    assert_eq!(cluster().gateway_entry(id), GatewayTotals { voids: 1, ..GatewayTotals::default() });
}

#[test]
fn cancellation_while_carrier_is_down_cancels_booking() {
    let product = cluster().product(1250, 5);
    let id = cluster().place(&NewOrder::of(&product, 2).to_postal_code(addresses::ERROR_POSTAL_CODE));
    cluster().wait_for_participant_status(ServiceName::Shipping, id, "booking");
    assert_eq!(cluster().cancel(id), 202);
    cluster().wait_until_cancelled(id, "customer");
    assert_eq!(cluster().stock(&product), product.initial_stock());
    cluster().assert_compensated(id);
    assert_eq!(cluster().carrier_entry(id).bookings, 0);
}

#[test]
fn cancellation_after_confirmation_compensates_fully() {
    let product = cluster().product(1250, 5);
    let id = cluster().place(&NewOrder::of(&product, 2));
    cluster().wait_until_confirmed(id);
    assert_eq!(cluster().cancel(id), 202);
    cluster().wait_until_cancelled(id, "customer");
    assert_eq!(cluster().stock(&product), product.initial_stock());
    cluster().assert_compensated(id);
    assert_eq!((cluster().gateway_entry(id).refunds, cluster().carrier_entry(id).unbooked), (1, 1));
}

#[test]
fn cancelling_twice_is_idempotent() {
    let id = cluster().place(&NewOrder::of(&cluster().product(1250, 5), 2));
    cluster().wait_until_confirmed(id);
    assert_eq!((cluster().cancel(id), cluster().cancel(id)), (202, 202));
    cluster().wait_until_cancelled(id, "customer");
    assert_eq!(cluster().cancel(id), 202, "cancelling a cancelled order succeeds");
    let entries = cluster().wait_for_events(id, &["ShipmentCancelled", "PaymentRefunded", "StockReleased"]);
    let mut times = BTreeMap::<&str, usize>::new();
    for entry in &entries {
        *times.entry(&entry.event).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

#[test]
fn cancellation_after_dispatch_is_refused() {
    let product = cluster().product(1250, 5);
    let id = cluster().place(&NewOrder::of(&product, 2));
    cluster().wait_until_confirmed(id);
    assert_eq!(cluster().dispatch(id), 200);
    cluster().wait_for_status(id, &["dispatched"]);
    assert_eq!(cluster().cancel(id), 409);
    assert_eq!(cluster().status(id), "dispatched");
    assert_eq!(cluster().stock(&product), product.stock(0, 2));
    cluster().assert_paid_and_booked(id, 2500);
}

/// Statuses after which customers cancel.
const STAGES: [&str; 5] = ["placed", "stock_reserved", "paid", "stock_committed", "confirmed"];

#[test]
fn cancellation_at_any_stage_compensates_fully() {
    let product = cluster().product(1250, 1000);
    thread::scope(|scope| {
        for (number, stage) in STAGES.iter().cycle().take(30).enumerate() {
            let (order, product) = (racing_order(number, &product), &product);
            scope.spawn(move || {
                let id = cluster().place(&order);
                let later = STAGES.iter().skip_while(|known| *known != stage).copied();
                let reached: Vec<_> = later.chain(["cancelling", "cancelled", "dispatched"]).collect();
                cluster().wait_for_status(id, &reached);
                assert_eq!(cluster().cancel(id), 202, "{product:?}");
                cluster().wait_for_status(id, &["cancelled"]);
                cluster().assert_compensated(id);
            });
        }
    });
    assert_eq!(
        cluster().stock(&product),
        product.initial_stock(),
        "all orders are cancelled, so all stock is released"
    );
}

/// An order that succeeds, is declined or rejected, or meets a flaky provider, by its number.
fn racing_order(number: usize, product: &TestProduct) -> NewOrder {
    let good = NewOrder::of(product, 3);
    match number % 6 {
        0 => good.paid_with(cards::DECLINED),
        1 => good.to_country(addresses::UNSERVED_COUNTRY),
        2 => good.paid_with(cards::FLAKY),
        3 => good.to_postal_code(addresses::FLAKY_POSTAL_CODE),
        _ => good,
    }
}

#[test]
fn order_is_never_both_dispatched_and_cancelled() {
    let product = cluster().product(1250, 1000);
    let races: Vec<_> = thread::scope(|scope| {
        let race = || {
            let id = cluster().place(&NewOrder::of(&product, 3));
            cluster().wait_until_confirmed(id);
            let dispatch = scope.spawn(move || cluster().dispatch(id));
            let cancel = cluster().cancel(id);
            (id, dispatch.join().unwrap(), cancel)
        };
        let races: Vec<_> = (0..16).map(|_| scope.spawn(race)).collect();
        races.into_iter().map(|race| race.join().unwrap()).collect()
    });
    let dispatched = races.into_iter().filter(|(id, dispatch, cancel)| ended_dispatched(*id, *dispatch, *cancel));
    let shipped = 3 * u64::try_from(dispatched.count()).unwrap();
    assert_eq!(cluster().stock(&product), product.stock(0, shipped));
}

/// Asserts that the order ended as the reply to the dispatch implies; returns whether it is dispatched.
fn ended_dispatched(id: OrderId, dispatch: u16, cancel: u16) -> bool {
    match dispatch {
        200 => {
            cluster().wait_for_status(id, &["dispatched"]);
            if cancel == 202 {
                cluster().wait_for_events(id, &["ShipmentCancellationRefused"]);
            }
            assert!(
                !cluster().has_event(id, "ShipmentCancelled") && !cluster().has_event(id, "OrderCancelled"),
                "{:?}",
                cluster().timeline(id)
            );
            let order = cluster().order(id);
            assert_eq!(order["status"], "dispatched");
            assert_eq!(order["reason"], Value::Null, "a dispatched order has no reason: {order}");
            cluster().assert_paid_and_booked(id, 3750);
            true
        }
        409 => {
            cluster().wait_until_cancelled(id, "customer");
            assert!(!cluster().has_event(id, "ShipmentDispatched"), "{:?}", cluster().timeline(id));
            cluster().assert_compensated(id);
            false
        }
        other => panic!("unexpected status {other} for the dispatch of order {id}"),
    }
}
