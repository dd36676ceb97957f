//! Orders that are not complete in time ask for their own cancellation.

use e2e::{NewOrder, Shop};
use providers::simulator::{GatewayEntry, addresses, cards};
use xtask::ServiceName;

fn shop_with_deadline_s(seconds: &str) -> Shop {
    Shop::open_with(|suite| suite.env_for(ServiceName::Order, "ORDER_DEADLINE_S", seconds))
}

#[test]
fn orders_that_a_provider_holds_up_are_cancelled_at_their_deadline() {
    let shop = shop_with_deadline_s("1");
    let product = shop.product(1250, 10);
    let unpaid = shop.place(&NewOrder::of(&product, 2).paid_with(cards::ERROR));
    let unbooked = shop.place(&NewOrder::of(&product, 3).to_postal_code(addresses::ERROR_POSTAL_CODE));
    for order in [unpaid, unbooked] {
        shop.wait_until_cancelled(order, "deadline_passed");
        shop.must_be_undone(order);
    }
    assert_eq!(shop.money(unpaid), GatewayEntry { voids: 1, ..GatewayEntry::default() });
    assert_eq!(shop.parcel(unbooked).bookings, 0);
    assert_eq!(shop.stock(&product), product.untouched());
    let requested = shop.timeline(unpaid).into_iter().find(|entry| entry.event == "OrderCancellationRequested");
    assert_eq!(requested.expect("the order asked for it").caused_by, None, "nothing led to it but time");
}

#[test]
fn an_order_whose_service_is_away_is_cancelled_and_holds_nothing_when_it_is_back() {
    let shop = shop_with_deadline_s("1");
    let product = shop.product(1250, 10);
    shop.kill(ServiceName::Payment);
    let order = shop.place(&NewOrder::of(&product, 2));
    shop.wait_for_events(order, &["OrderCancellationRequested", "ShipmentCancelled", "StockReleased"]);
    assert_eq!(shop.status(order), "cancelling", "the money is still to come back");
    shop.start(ServiceName::Payment);
    shop.wait_until_cancelled(order, "deadline_passed");
    shop.must_be_undone(order);
    assert_eq!(shop.stock(&product), product.untouched());
    shop.close();
}

#[test]
fn a_deadline_that_passes_while_the_order_service_is_away_is_noticed_at_its_next_start() {
    let shop = shop_with_deadline_s("1");
    let order = shop.place(&NewOrder::of(&shop.product(1250, 10), 2).paid_with(cards::ERROR));
    shop.wait_at(ServiceName::Payment, order, "charging");
    shop.kill(ServiceName::Order);
    shop.start(ServiceName::Order);
    shop.wait_until_cancelled(order, "deadline_passed");
    shop.must_be_undone(order);
}

#[test]
fn a_confirmed_order_outlives_its_deadline() {
    let shop = shop_with_deadline_s("5");
    let product = shop.product(1250, 10);
    let good = shop.place(&NewOrder::of(&product, 2));
    shop.wait_until_confirmed(good);
    // When a later order's deadline has passed, so has this one's.
    let stuck = shop.place(&NewOrder::of(&product, 3).paid_with(cards::ERROR));
    shop.wait_until_cancelled(stuck, "deadline_passed");
    assert_eq!(shop.status(good), "confirmed");
    shop.must_be_sold(good, 2500);
    assert_eq!(shop.stock(&product), product.stock(0, 2));
}
