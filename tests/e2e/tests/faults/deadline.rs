//! Deadlines: an order that is not complete in time requests its own cancellation.

use catalog::ServiceName;
use e2e::{NewOrder, TestCluster};
use providers::simulator::{GatewayTotals, addresses, cards};

fn cluster_with_deadline_s(seconds: &str) -> TestCluster {
    TestCluster::launch_with(|suite| suite.env_for(ServiceName::Order, "ORDER_DEADLINE_S", seconds))
}

#[test]
fn orders_are_cancelled_when_a_provider_is_down() {
    let cluster = cluster_with_deadline_s("1");
    let product = cluster.product(1250, 10);
    let unpaid = cluster.place(&NewOrder::of(&product, 2).paid_with(cards::ERROR));
    let unbooked = cluster.place(&NewOrder::of(&product, 3).to_postal_code(addresses::ERROR_POSTAL_CODE));
    for order in [unpaid, unbooked] {
        cluster.wait_until_cancelled(order, "deadline_passed");
        cluster.assert_compensated(order);
    }
    assert_eq!(cluster.gateway_entry(unpaid), GatewayTotals { voids: 1, ..GatewayTotals::default() });
    assert_eq!(cluster.carrier_entry(unbooked).bookings, 0);
    assert_eq!(cluster.stock(&product), product.initial_stock());
    let requested = cluster.timeline(unpaid).into_iter().find(|entry| entry.event == "OrderCancellationRequested");
    assert_eq!(requested.expect("the order requests its cancellation").caused_by, None, "no event causes the request");
}

#[test]
fn orders_are_compensated_when_a_service_is_down() {
    let cluster = cluster_with_deadline_s("1");
    let product = cluster.product(1250, 10);
    cluster.kill(ServiceName::Payment);
    let order = cluster.place(&NewOrder::of(&product, 2));
    cluster.wait_for_events(order, &["OrderCancellationRequested", "ShipmentCancelled", "StockReleased"]);
    assert_eq!(cluster.status(order), "cancelling", "payment has not settled yet");
    cluster.start(ServiceName::Payment);
    cluster.wait_until_cancelled(order, "deadline_passed");
    cluster.assert_compensated(order);
    assert_eq!(cluster.stock(&product), product.initial_stock());
    cluster.shut_down();
}

#[test]
fn passed_deadline_is_noticed_after_restart() {
    let cluster = cluster_with_deadline_s("1");
    let order = cluster.place(&NewOrder::of(&cluster.product(1250, 10), 2).paid_with(cards::ERROR));
    cluster.wait_for_participant_status(ServiceName::Payment, order, "charging");
    cluster.crash_and_restart(ServiceName::Order);
    cluster.wait_until_cancelled(order, "deadline_passed");
    cluster.assert_compensated(order);
}

#[test]
fn confirmed_order_ignores_its_deadline() {
    let cluster = cluster_with_deadline_s("5");
    let product = cluster.product(1250, 10);
    let good = cluster.place(&NewOrder::of(&product, 2));
    cluster.wait_until_confirmed(good);
    // The deadline of a later order passes after this one's.
    let stuck = cluster.place(&NewOrder::of(&product, 3).paid_with(cards::ERROR));
    cluster.wait_until_cancelled(stuck, "deadline_passed");
    assert_eq!(cluster.status(good), "confirmed", "the order stays confirmed");
    cluster.assert_paid_and_booked(good, 2500);
    assert_eq!(cluster.stock(&product), product.stock(0, 2));
}
