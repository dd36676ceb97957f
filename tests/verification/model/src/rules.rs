//! What must hold, always and at rest.

use std::collections::HashSet;

use contracts::CancelReason;
use decider::StreamId;
use inventory::{
    decider::{Reservation, Stock},
    policy::{RESERVATIONS, STOCK},
};
use order::{
    decider::{OrderState, Outcome},
    policy::ORDERS,
};
use shipping::{decider::State as Shipment, policy::SHIPMENTS};

use crate::{
    providers::{Account, Parcel},
    setting::{Card, Destination, Story, TEA, TOTAL, order_id, sku},
    world::{Step, World},
};

/// All that is known of one order, everywhere.
struct View<'a> {
    order: Option<&'a OrderState>,
    reservation: &'a Reservation,
    shipment: &'a Shipment,
    account: Account,
    parcel: Parcel,
}

impl View<'_> {
    fn is_cancelled(&self) -> bool {
        self.order.is_some_and(|order| matches!(order.outcome, Some(Outcome::Cancelled(_))))
    }

    fn is_confirmed(&self) -> bool {
        self.order.is_some_and(|order| order.outcome == Some(Outcome::Confirmed))
    }

    fn is_dispatched(&self) -> bool {
        matches!(self.shipment, Shipment::Dispatched { .. })
    }

    fn will_ship(&self) -> bool {
        matches!(self.shipment, Shipment::Scheduled { .. } | Shipment::Dispatched { .. })
    }

    fn holds_stock(&self) -> bool {
        matches!(self.reservation, Reservation::Held(_) | Reservation::Committed(_))
    }

    fn is_committed(&self) -> bool {
        matches!(self.reservation, Reservation::Committed(_))
    }

    fn money_held(&self) -> i64 {
        self.account.captured - self.account.refunded
    }

    fn is_paid(&self) -> bool {
        self.money_held() == TOTAL.minor
    }
}

pub(crate) fn rule(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.to_owned()) }
}

impl World {
    pub(crate) fn check_always(&self) -> Result<(), String> {
        let views: Vec<_> = (0..self.setting.stories.len()).map(|index| self.view(index)).collect();
        self.check_stock(&views, "MUG", 1, self.setting.mugs)?;
        self.check_stock(&views, "TEA", TEA, 2 * TEA)?;
        for view in &views {
            let held = view.money_held();
            rule(view.account.captures <= 1, "an order is charged at most once")?;
            rule(held == 0 || view.is_paid(), "an order is charged its total, and all of it is given back")?;
            rule(
                !view.is_dispatched() || (view.is_paid() && view.is_committed() && view.parcel.active),
                "nothing is dispatched unpaid, uncommitted or unbooked",
            )?;
            rule(!view.will_ship() || view.is_paid(), "no shipment is scheduled for money that was given back")?;
            rule(!view.is_cancelled() || held == 0, "a cancelled order holds no money")?;
            rule(!view.is_cancelled() || !view.holds_stock(), "a cancelled order holds no stock")?;
            rule(!view.is_cancelled() || !view.will_ship(), "a cancelled order does not ship")?;
            let undone = view.order.is_some_and(|order| order.cancellation.is_some());
            rule(!view.is_confirmed() || view.will_ship() || undone, "a confirmed order ships or is being undone")?;
        }
        self.check_published_once()
    }

    fn check_stock(&self, views: &[View], text: &str, of_each: u32, received: u32) -> Result<(), String> {
        let sku = sku(text);
        let stock = self.inventory.0.get(&StreamId::new(STOCK, &sku)).and_then(|state| state.stock.get(&sku));
        let Stock { on_hand, reserved, shipped } = stock.copied().unwrap_or_default();
        let units = |orders: usize| orders as u64 * u64::from(of_each);
        let held = views.iter().filter(|view| matches!(view.reservation, Reservation::Held(_))).count();
        let committed = views.iter().filter(|view| view.is_committed()).count();
        rule(on_hand + reserved + shipped == u64::from(received), "stock is conserved")?;
        rule(reserved == units(held), "what is reserved is held for an order")?;
        rule(shipped == units(committed), "what has left the stock is committed to an order")
    }

    /// No event of an order is published twice, and what excludes each other is never published of the same order.
    fn check_published_once(&self) -> Result<(), String> {
        let Some(Step { order, published, .. }) = self.schedule.last().map(|step| &**step) else { return Ok(()) };
        if published.is_empty() {
            return Ok(());
        }
        let steps = self.schedule.iter().filter(|step| step.order == *order);
        let all: Vec<_> = steps.flat_map(|step| &step.published).copied().collect();
        let has = |name: &str| all.contains(&name);
        let distinct: HashSet<_> = all.iter().collect();
        rule(distinct.len() == all.len(), "every event is published once")?;
        let exclusive: [(&str, &[&str]); 5] = [
            ("ShipmentDispatched", &["ShipmentCancelled", "ShipmentRejected", "OrderCancelled", "StockReleased"]),
            ("ShipmentDispatched", &["PaymentRefunded", "PaymentVoided", "PaymentDeclined"]),
            ("ShipmentRejected", &["ShipmentScheduled", "ShipmentCancelled", "OrderConfirmed"]),
            ("PaymentCaptured", &["PaymentDeclined", "PaymentVoided"]),
            ("StockReservationRejected", &["StockReserved", "StockReleased", "PaymentCaptured", "ShipmentScheduled"]),
        ];
        for (one, others) in exclusive {
            for other in others {
                rule(!(has(one) && has(other)), &format!("{one} and {other} exclude each other"))?;
            }
        }
        Ok(())
    }

    pub(crate) fn check_at_rest(&self) -> Result<(), String> {
        for (index, story) in self.setting.stories.iter().enumerate() {
            let view = self.view(index);
            rule(view.is_confirmed() || view.is_cancelled(), "every order ends confirmed or cancelled")?;
            rule(!view.is_confirmed() || view.will_ship(), "a confirmed order ships")?;
            rule(!view.will_ship() || view.is_confirmed(), "what ships is confirmed")?;
            rule(!view.will_ship() || view.is_committed(), "what ships is committed")?;
            rule(view.will_ship() == view.parcel.active, "the carrier comes for what ships, and for nothing else")?;
            rule(view.is_cancelled() || view.is_paid(), "what ships is paid")?;
            if let Some(Outcome::Cancelled(reason)) = view.order.and_then(|order| order.outcome) {
                rule(self.has_cause(*story, reason), &format!("no order is cancelled for {reason:?} without a cause"))?;
            }
        }
        Ok(())
    }

    /// Whether an order with this story can end for this reason.
    fn has_cause(&self, story: Story, reason: CancelReason) -> bool {
        match reason {
            CancelReason::OutOfStock => (self.setting.mugs as usize) < self.setting.stories.len(),
            CancelReason::PaymentDeclined => story.card == Card::Declined,
            CancelReason::ShipmentRejected => story.address == Destination::Refused,
            CancelReason::Customer => story.cancelled,
            CancelReason::DeadlinePassed => {
                story.late || story.card == Card::Silent || story.address == Destination::Silent
            }
        }
    }

    fn view(&self, index: usize) -> View<'_> {
        let id = order_id(index);
        let reservation = self.inventory.0.get(&StreamId::new(RESERVATIONS, id));
        View {
            order: self.order(index),
            reservation: reservation.map_or(&Reservation::New, |state| &state.reservation),
            shipment: self.shipment(index).unwrap_or(&Shipment::New),
            account: self.accounts.get(&id).cloned().unwrap_or_default(),
            parcel: self.parcels.get(&id).cloned().unwrap_or_default(),
        }
    }

    pub(crate) fn order(&self, index: usize) -> Option<&OrderState> {
        self.order.0.get(&StreamId::new(ORDERS, order_id(index)))?.order.as_ref()
    }

    pub(crate) fn shipment(&self, index: usize) -> Option<&Shipment> {
        self.shipping.0.get(&StreamId::new(SHIPMENTS, order_id(index))).map(|state| &**state)
    }
}
