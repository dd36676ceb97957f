//! Many orders with different outcomes, and the checks that all of them must pass.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use contracts::OrderId;
use providers::simulator::{addresses, cards};
use uuid::Uuid;
use xtask::wait_until;

use crate::{
    cluster::{TestCluster, order_id},
    order::NewOrder,
    timeout::TEST_TIMEOUT,
    views::TestProduct,
};

/// Final state that an order must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedOutcome {
    Confirmed,
    /// Cancelled because the gateway declines the card.
    PaymentDeclined,
    /// Cancelled because the carrier rejects the address.
    ShipmentRejected,
    /// Cancelled because one product has too few units.
    OutOfStock,
}

impl ExpectedOutcome {
    /// Repeated sequence of outcomes; half of the orders succeed.
    const CYCLE: [Self; 6] = [
        Self::Confirmed,
        Self::PaymentDeclined,
        Self::Confirmed,
        Self::ShipmentRejected,
        Self::Confirmed,
        Self::OutOfStock,
    ];
}

/// Orders of one product, placed one after the other regardless of faults.
pub struct Workload<'c> {
    cluster: &'c TestCluster,
    product: TestProduct,
    scarce: TestProduct,
    placed: Mutex<Vec<(OrderId, ExpectedOutcome)>>,
}

impl<'c> Workload<'c> {
    /// A workload without orders.
    #[track_caller]
    pub fn new(cluster: &'c TestCluster) -> Self {
        let (product, scarce) = (cluster.product(1250, 10_000), cluster.product(100, 1));
        Self { cluster, product, scarce, placed: Mutex::default() }
    }

    /// Places `count` orders. Retries each with the same idempotency key until the order service accepts it.
    #[track_caller]
    pub fn place(&self, count: usize) {
        for outcome in ExpectedOutcome::CYCLE.into_iter().cycle().take(count) {
            let placed = self.place_one(outcome);
            self.placed.lock().unwrap_or_else(PoisonError::into_inner).push((placed, outcome));
        }
    }

    #[track_caller]
    fn place_one(&self, outcome: ExpectedOutcome) -> OrderId {
        let (order, key) = (self.order(outcome), Uuid::now_v7().to_string());
        let accepted = wait_until("an order to be accepted", TEST_TIMEOUT, || {
            let reply = self.cluster.try_place(&order, &[("idempotency-key", &key)]);
            match reply.map_err(|error| format!("{error:#}"))? {
                accepted if accepted.status == 202 => Ok(order_id(&accepted.body)),
                busy if [429, 503].contains(&busy.status) => Err(busy.body.to_string()),
                other => panic!("unexpected reply to an order: {other:?}"),
            }
        });
        accepted.expect("the order service accepts the order in time")
    }

    fn order(&self, outcome: ExpectedOutcome) -> NewOrder {
        let good = NewOrder::of(&self.product, 2);
        match outcome {
            ExpectedOutcome::Confirmed => good,
            ExpectedOutcome::PaymentDeclined => good.paid_with(cards::DECLINED),
            ExpectedOutcome::ShipmentRejected => good.to_country(addresses::UNSERVED_COUNTRY),
            ExpectedOutcome::OutOfStock => good.and(&self.scarce, 2),
        }
    }

    /// Orders placed so far.
    pub fn placed(&self) -> Vec<(OrderId, ExpectedOutcome)> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until at least `count` orders are placed.
    #[track_caller]
    pub fn wait_until_placed(&self, count: usize) {
        let placed = wait_until(&format!("{count} orders to be placed"), TEST_TIMEOUT, || match self.placed().len() {
            enough if enough >= count => Ok(()),
            placed => Err(placed),
        });
        placed.expect("the workload makes progress");
    }

    /// Asserts that every order reaches its expected outcome and that stock and money add up.
    #[track_caller]
    pub fn assert_all_end_as_expected(&self) {
        let started = Instant::now();
        let placed = self.placed();
        for (id, outcome) in &placed {
            self.assert_ends(*id, *outcome);
        }
        let confirmed = placed.iter().filter(|(_, outcome)| *outcome == ExpectedOutcome::Confirmed).count();
        let shipped = u64::try_from(2 * confirmed).expect("a small number");
        let stock = self.cluster.stock(&self.product);
        assert_eq!(stock, self.product.stock(0, shipped), "stock is released or shipped, and none is lost");
        assert_eq!(self.cluster.stock(&self.scarce), self.scarce.initial_stock());
        let money = self.cluster.gateway_ledger().total().expect("the gateway's ledger is readable");
        let kept_minor = 2500 * i64::try_from(confirmed).expect("a small number");
        assert_eq!(money.captured_minor - money.refunded_minor, kept_minor, "only confirmed orders are paid");
        println!("{} orders ended as expected, the last after {:?}", placed.len(), started.elapsed());
    }

    #[track_caller]
    fn assert_ends(&self, id: OrderId, outcome: ExpectedOutcome) {
        match outcome {
            ExpectedOutcome::Confirmed => {
                self.cluster.wait_until_confirmed(id);
                self.cluster.assert_paid_and_booked(id, 2500);
            }
            ExpectedOutcome::PaymentDeclined => {
                self.cluster.wait_until_cancelled(id, "payment_declined");
                self.cluster.assert_no_provider_effects(id);
            }
            ExpectedOutcome::ShipmentRejected => {
                self.cluster.wait_until_cancelled(id, "shipment_rejected");
                self.cluster.assert_compensated(id);
            }
            ExpectedOutcome::OutOfStock => {
                self.cluster.wait_until_cancelled(id, "out_of_stock");
                self.cluster.assert_no_provider_effects(id);
            }
        }
    }
}
