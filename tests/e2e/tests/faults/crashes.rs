//! kill -9: what a service had begun, it goes on with after its next start.

use std::thread;

use e2e::{NewOrder, PATIENCE, Shop, Stream};
use providers::simulator::{addresses, cards};
use xtask::{ServiceName, wait_until};

/// Orders placed around each crash.
const ORDERS: usize = 40;

#[test]
fn each_service_killed_in_the_middle_of_orders_comes_back_and_every_order_ends_right() {
    let shop = Shop::open();
    let stream = Stream::new(&shop);
    for (round, service) in ServiceName::all().enumerate() {
        thread::scope(|scope| {
            scope.spawn(|| stream.place(ORDERS));
            stream.wait_until_placed(ORDERS * round + ORDERS / 3);
            shop.kill(service);
            shop.start(service);
        });
    }
    stream.must_end_well();
    shop.close();
}

#[test]
fn all_services_killed_at_once_come_back_and_every_order_ends_right() {
    let shop = Shop::open();
    let stream = Stream::new(&shop);
    thread::scope(|scope| {
        scope.spawn(|| stream.place(ORDERS));
        for time in 1..=2 {
            stream.wait_until_placed(ORDERS * time / 3);
            for service in ServiceName::all() {
                shop.kill(service);
            }
            for service in ServiceName::all() {
                shop.start(service);
            }
        }
    });
    stream.must_end_well();
    shop.close();
}

#[test]
fn services_that_are_killed_again_and_again_still_bring_every_order_to_its_end() {
    let shop = Shop::open();
    let stream = Stream::new(&shop);
    stream.place(ORDERS);
    // No order is waited for: each service dies with whatever it has under way just now.
    for service in ServiceName::all().cycle().take(12) {
        shop.kill(service);
        shop.start(service);
        stream.place(2);
    }
    stream.must_end_well();
    shop.close();
}

#[test]
fn a_charge_and_a_booking_under_way_in_a_crash_are_made_again_and_count_once() {
    let shop = Shop::open();
    let product = shop.product(1250, 10);
    let charged = shop.place(&NewOrder::of(&product, 1).paid_with(cards::SLOW));
    let booked = shop.place(&NewOrder::of(&product, 2).to_postal_code(addresses::SLOW_POSTAL_CODE));
    let called = |what: &str, calls: &dyn Fn() -> usize| {
        wait_until(what, PATIENCE, || if calls() > 0 { Ok(()) } else { Err("no call") }).unwrap();
    };
    called("the charge", &|| shop.gateway().calls_of(charged).unwrap().len());
    called("the booking", &|| shop.carrier().calls_of(booked).unwrap().len());
    for service in [ServiceName::Payment, ServiceName::Shipping] {
        shop.kill(service);
        shop.start(service);
    }
    for (order, total_minor) in [(charged, 1250), (booked, 2500)] {
        shop.wait_until_confirmed(order);
        shop.must_be_sold(order, total_minor);
    }
    assert!(shop.gateway().calls_of(charged).unwrap().len() > 1, "it was made again");
    assert!(shop.carrier().calls_of(booked).unwrap().len() > 1, "it was made again");
    assert_eq!(shop.stock(&product), product.stock(0, 3));
    shop.close();
}

#[test]
fn a_cancellation_under_way_in_a_crash_is_finished() {
    let shop = Shop::open();
    let product = shop.product(1250, 100);
    let orders: Vec<_> = (0..12).map(|_| shop.place(&NewOrder::of(&product, 1))).collect();
    for order in &orders {
        shop.wait_until_confirmed(*order);
    }
    for (number, order) in orders.iter().enumerate() {
        assert_eq!(shop.cancel(*order), 202);
        if number % 3 == 0 {
            let service = ServiceName::ALL[number / 3];
            shop.kill(service);
            shop.start(service);
        }
    }
    for order in orders {
        shop.wait_until_cancelled(order, "customer");
        shop.must_be_undone(order);
    }
    assert_eq!(shop.stock(&product), product.untouched());
    shop.close();
}
