//! Many orders of different fates, and what must have come of all of them.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use contracts::OrderId;
use providers::simulator::{addresses, cards};
use uuid::Uuid;
use xtask::wait_until;

use crate::{NewOrder, PATIENCE, Product, Shop, must, shop::order_id};

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is confirmed.
    Sold,
    /// Its card is declined.
    Declined,
    /// The carrier refuses it.
    Refused,
    /// There is not enough of it.
    Short,
}

impl Fate {
    /// One after the other, most of them good.
    const ROUND: [Self; 6] = [Self::Sold, Self::Declined, Self::Sold, Self::Refused, Self::Sold, Self::Short];
}

/// Orders of one product, placed one after the other, whatever happens meanwhile.
pub struct Stream<'s> {
    shop: &'s Shop,
    product: Product,
    scarce: Product,
    placed: Mutex<Vec<(OrderId, Fate)>>,
}

impl<'s> Stream<'s> {
    /// No orders yet.
    #[track_caller]
    pub fn new(shop: &'s Shop) -> Self {
        let (product, scarce) = (shop.product(1250, 10_000), shop.product(100, 1));
        Self { shop, product, scarce, placed: Mutex::default() }
    }

    /// Places so many orders. Each is sent again with its key until it is accepted.
    #[track_caller]
    pub fn place(&self, count: usize) {
        for fate in Fate::ROUND.into_iter().cycle().take(count) {
            let placed = self.place_one(fate);
            self.placed.lock().unwrap_or_else(PoisonError::into_inner).push((placed, fate));
        }
    }

    #[track_caller]
    fn place_one(&self, fate: Fate) -> OrderId {
        let (order, key) = (self.order(fate), Uuid::now_v7().to_string());
        must(wait_until("an order to be accepted", PATIENCE, || {
            let reply = self.shop.try_place(&order, &[("idempotency-key", &key)]);
            match reply.map_err(|error| format!("{error:#}"))? {
                accepted if accepted.status == 202 => Ok(order_id(&accepted.body)),
                busy if [429, 503].contains(&busy.status) => Err(busy.body.to_string()),
                other => panic!("an order is answered by {other:?}"),
            }
        }))
    }

    fn order(&self, fate: Fate) -> NewOrder {
        let good = NewOrder::of(&self.product, 2);
        match fate {
            Fate::Sold => good,
            Fate::Declined => good.paid_with(cards::DECLINED),
            Fate::Refused => good.to_country(addresses::UNSERVED_COUNTRY),
            Fate::Short => good.and(&self.scarce, 2),
        }
    }

    /// The orders placed so far.
    pub fn placed(&self) -> Vec<(OrderId, Fate)> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many are placed.
    #[track_caller]
    pub fn wait_until_placed(&self, count: usize) {
        must(wait_until(&format!("{count} orders to be placed"), PATIENCE, || match self.placed().len() {
            enough if enough >= count => Ok(()),
            placed => Err(placed),
        }));
    }

    /// Every order must come to its end, and the books must agree.
    #[track_caller]
    pub fn must_end_well(&self) {
        let started = Instant::now();
        let placed = self.placed();
        for (id, fate) in &placed {
            self.must_end(*id, *fate);
        }
        let sold = placed.iter().filter(|(_, fate)| *fate == Fate::Sold).count();
        let shipped = u64::try_from(2 * sold).expect("few");
        assert_eq!(self.shop.stock(&self.product), self.product.stock(0, shipped), "nothing is held, nothing is lost");
        assert_eq!(self.shop.stock(&self.scarce), self.scarce.untouched());
        let money = must(self.shop.gateway().total());
        assert_eq!(money.captured_minor - money.refunded_minor, 2500 * i64::try_from(sold).expect("few"));
        println!("{} orders ended right, the last after {:?}", placed.len(), started.elapsed());
    }

    #[track_caller]
    fn must_end(&self, id: OrderId, fate: Fate) {
        match fate {
            Fate::Sold => {
                self.shop.wait_until_confirmed(id);
                self.shop.must_be_sold(id, 2500);
            }
            Fate::Declined => {
                self.shop.wait_until_cancelled(id, "payment_declined");
                self.shop.must_be_unheard_of(id);
            }
            Fate::Refused => {
                self.shop.wait_until_cancelled(id, "shipment_rejected");
                self.shop.must_be_undone(id);
            }
            Fate::Short => {
                self.shop.wait_until_cancelled(id, "out_of_stock");
                self.shop.must_be_unheard_of(id);
            }
        }
    }
}
