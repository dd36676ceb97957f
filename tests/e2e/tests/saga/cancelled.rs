//! Customers who change their minds, at every moment.

use std::{collections::BTreeMap, thread};

use contracts::OrderId;
use e2e::{NewOrder, Product};
use providers::simulator::{GatewayEntry, addresses, cards};
use serde_json::Value;
use xtask::ServiceName;

use crate::shop;

#[test]
fn while_the_charge_is_slow_it_is_called_off_and_never_captured() {
    let product = shop().product(1250, 5);
    let id = shop().place(&NewOrder::of(&product, 2).paid_with(cards::SLOW));
    shop().wait_at(ServiceName::Payment, id, "charging");
    assert_eq!(shop().cancel(id), 202);
    shop().wait_until_cancelled(id, "customer");
    assert_eq!(shop().stock(&product), product.untouched());
    shop().must_be_undone(id);
    // The charge is still on its way at the gateway; only its answer tells that it came to nothing.
    let charged = || {
        let calls = shop().gateway().calls_of(id).unwrap();
        let charge = calls.iter().find(|call| call.kind == "charge").expect("it was made");
        charge.answer.clone().ok_or_else(|| format!("{charge:?}"))
    };
    let answer = xtask::wait_until("the answer to the slow charge", e2e::PATIENCE, charged).unwrap();
    assert!(answer.contains("voided"), "{answer}");
    assert_eq!(shop().money(id), GatewayEntry { voids: 1, ..GatewayEntry::default() });
}

#[test]
fn while_the_booking_is_slow_it_is_called_off_and_the_money_is_returned() {
    let product = shop().product(1250, 5);
    let id = shop().place(&NewOrder::of(&product, 2).to_postal_code(addresses::SLOW_POSTAL_CODE));
    shop().wait_at(ServiceName::Shipping, id, "booking");
    assert_eq!(shop().cancel(id), 202);
    shop().wait_until_cancelled(id, "customer");
    assert_eq!(shop().stock(&product), product.untouched());
    shop().must_be_undone(id);
    assert_eq!(shop().money(id).refunded_minor, 2500);
}

#[test]
fn while_the_gateway_is_down_the_charge_is_called_off() {
    let product = shop().product(1250, 5);
    let id = shop().place(&NewOrder::of(&product, 2).paid_with(cards::ERROR));
    shop().wait_at(ServiceName::Payment, id, "charging");
    assert_eq!(shop().cancel(id), 202);
    shop().wait_until_cancelled(id, "customer");
    assert_eq!(shop().stock(&product), product.untouched());
    assert_eq!(shop().money(id), GatewayEntry { voids: 1, ..GatewayEntry::default() });
}

#[test]
fn while_the_carrier_is_down_the_booking_is_called_off() {
    let product = shop().product(1250, 5);
    let id = shop().place(&NewOrder::of(&product, 2).to_postal_code(addresses::ERROR_POSTAL_CODE));
    shop().wait_at(ServiceName::Shipping, id, "booking");
    assert_eq!(shop().cancel(id), 202);
    shop().wait_until_cancelled(id, "customer");
    assert_eq!(shop().stock(&product), product.untouched());
    shop().must_be_undone(id);
    assert_eq!(shop().parcel(id).bookings, 0);
}

#[test]
fn after_the_confirmation_money_stock_and_parcel_are_taken_back() {
    let product = shop().product(1250, 5);
    let id = shop().place(&NewOrder::of(&product, 2));
    shop().wait_until_confirmed(id);
    assert_eq!(shop().cancel(id), 202);
    shop().wait_until_cancelled(id, "customer");
    assert_eq!(shop().stock(&product), product.untouched());
    shop().must_be_undone(id);
    assert_eq!((shop().money(id).refunds, shop().parcel(id).unbooked), (1, 1));
}

#[test]
fn twice_is_once() {
    let id = shop().place(&NewOrder::of(&shop().product(1250, 5), 2));
    shop().wait_until_confirmed(id);
    assert_eq!((shop().cancel(id), shop().cancel(id)), (202, 202));
    shop().wait_until_cancelled(id, "customer");
    assert_eq!(shop().cancel(id), 202, "it is cancelled already");
    let entries = shop().wait_for_events(id, &["ShipmentCancelled", "PaymentRefunded", "StockReleased"]);
    let mut times = BTreeMap::<&str, usize>::new();
    for entry in &entries {
        *times.entry(&entry.event).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

#[test]
fn after_the_dispatch_it_is_refused_and_the_order_stays_dispatched() {
    let product = shop().product(1250, 5);
    let id = shop().place(&NewOrder::of(&product, 2));
    shop().wait_until_confirmed(id);
    assert_eq!(shop().dispatch(id), 200);
    shop().wait_for_status(id, &["dispatched"]);
    assert_eq!(shop().cancel(id), 409);
    assert_eq!(shop().status(id), "dispatched");
    assert_eq!(shop().stock(&product), product.stock(0, 2));
    shop().must_be_sold(id, 2500);
}

/// How far an order is when its customer cancels.
const MOMENTS: [&str; 5] = ["placed", "stock_reserved", "paid", "stock_committed", "confirmed"];

#[test]
fn racing_with_everything_each_order_ends_cancelled_or_as_it_would_have_and_the_books_agree() {
    let product = shop().product(1250, 1000);
    thread::scope(|scope| {
        for (number, moment) in MOMENTS.iter().cycle().take(30).enumerate() {
            let (order, product) = (racing_order(number, &product), &product);
            scope.spawn(move || {
                let id = shop().place(&order);
                let later = MOMENTS.iter().skip_while(|known| *known != moment).copied();
                let reached: Vec<_> = later.chain(["cancelling", "cancelled", "dispatched"]).collect();
                shop().wait_for_status(id, &reached);
                assert_eq!(shop().cancel(id), 202, "{product:?}");
                shop().wait_for_status(id, &["cancelled"]);
                shop().must_be_undone(id);
            });
        }
    });
    assert_eq!(shop().stock(&product), product.untouched(), "all were cancelled, so all is back");
}

/// Good ones, flaky ones, declined ones and refused ones.
fn racing_order(number: usize, product: &Product) -> NewOrder {
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
fn racing_with_the_dispatch_each_order_ends_dispatched_or_cancelled_and_never_both() {
    let product = shop().product(1250, 1000);
    let ends: Vec<_> = thread::scope(|scope| {
        let race = || {
            let id = shop().place(&NewOrder::of(&product, 3));
            shop().wait_until_confirmed(id);
            let dispatch = scope.spawn(move || shop().dispatch(id));
            let cancel = shop().cancel(id);
            (id, dispatch.join().unwrap(), cancel)
        };
        let races: Vec<_> = (0..16).map(|_| scope.spawn(race)).collect();
        races.into_iter().map(|race| race.join().unwrap()).collect()
    });
    let dispatched = ends.into_iter().filter(|(id, dispatch, cancel)| ended_dispatched(*id, *dispatch, *cancel));
    let shipped = 3 * u64::try_from(dispatched.count()).unwrap();
    assert_eq!(shop().stock(&product), product.stock(0, shipped));
}

/// What the clerk was told decides.
fn ended_dispatched(id: OrderId, dispatch: u16, cancel: u16) -> bool {
    let has = |event| shop().timeline(id).iter().any(|entry| entry.event == event);
    match dispatch {
        200 => {
            shop().wait_for_status(id, &["dispatched"]);
            if cancel == 202 {
                shop().wait_for_events(id, &["ShipmentCancellationRefused"]);
            }
            assert!(!has("ShipmentCancelled") && !has("OrderCancelled"), "{:?}", shop().timeline(id));
            let order = shop().order(id);
            assert_eq!(order["status"], "dispatched");
            assert_eq!(order["reason"], Value::Null, "it is not cancelled, and won't be: {order}");
            shop().must_be_sold(id, 3750);
            true
        }
        409 => {
            shop().wait_until_cancelled(id, "customer");
            assert!(!has("ShipmentDispatched"), "{:?}", shop().timeline(id));
            shop().must_be_undone(id);
            false
        }
        other => panic!("dispatching order {id} is answered by {other}"),
    }
}
