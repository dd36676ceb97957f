//! Rules for all worlds, and for quiescent ones.

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
    config::{Card, DeliveryAddress, OrderScenario, TEA, TOTAL, order_id, sku},
    providers::{CarrierParcel, GatewayAccount},
    schedule::ScheduleStep,
    world::World,
};

/// State of one order in all services and at the providers.
struct OrderView<'a> {
    order: Option<&'a OrderState>,
    reservation: &'a Reservation,
    shipment: &'a Shipment,
    account: GatewayAccount,
    parcel: CarrierParcel,
}

impl OrderView<'_> {
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
        let views: Vec<_> = (0..self.config.scenarios.len()).map(|index| self.view(index)).collect();
        self.check_stock(&views, "MUG", 1, self.config.mugs)?;
        self.check_stock(&views, "TEA", TEA, 2 * TEA)?;
        for view in &views {
            let held = view.money_held();
            rule(view.account.captures <= 1, "an order is charged at most once")?;
            rule(held == 0 || view.is_paid(), "an order is charged and refunded its total")?;
            rule(
                !view.is_dispatched() || (view.is_paid() && view.is_committed() && view.parcel.active),
                "nothing is dispatched unpaid, uncommitted or unbooked",
            )?;
            rule(!view.will_ship() || view.is_paid(), "no shipment is scheduled after a refund")?;
            rule(!view.is_cancelled() || held == 0, "a cancelled order holds no money")?;
            rule(!view.is_cancelled() || !view.holds_stock(), "a cancelled order holds no stock")?;
            rule(!view.is_cancelled() || !view.will_ship(), "a cancelled order does not ship")?;
            let is_cancelling = view.order.is_some_and(|order| order.cancellation.is_some());
            rule(
                !view.is_confirmed() || view.will_ship() || is_cancelling,
                "a confirmed order ships or is being cancelled",
            )?;
        }
        self.check_published_once()
    }

    fn check_stock(&self, views: &[OrderView], text: &str, of_each: u32, received: u32) -> Result<(), String> {
        let sku = sku(text);
        let stock = self.services.inventory.get(&StreamId::new(STOCK, &sku)).and_then(|state| state.stock.get(&sku));
        let Stock { on_hand, reserved, shipped } = stock.copied().unwrap_or_default();
        let units = |orders: usize| orders as u64 * u64::from(of_each);
        let held = views.iter().filter(|view| matches!(view.reservation, Reservation::Held(_))).count();
        let committed = views.iter().filter(|view| view.is_committed()).count();
        rule(on_hand + reserved + shipped == u64::from(received), "stock is conserved")?;
        rule(reserved == units(held), "reserved stock is held for an order")?;
        rule(shipped == units(committed), "shipped stock is committed to an order")
    }

    /// Checks that no event of an order is published twice, and that no two mutually exclusive events are published.
    fn check_published_once(&self) -> Result<(), String> {
        let Some(ScheduleStep { order, published, .. }) = self.schedule.last().map(|step| &**step) else {
            return Ok(());
        };
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
                rule(!(has(one) && has(other)), &format!("{one} and {other} are mutually exclusive"))?;
            }
        }
        Ok(())
    }

    pub(crate) fn check_quiescent(&self) -> Result<(), String> {
        for (index, scenario) in self.config.scenarios.iter().enumerate() {
            let view = self.view(index);
            rule(view.is_confirmed() || view.is_cancelled(), "every order ends confirmed or cancelled")?;
            rule(!view.is_confirmed() || view.will_ship(), "a confirmed order ships")?;
            rule(!view.will_ship() || view.is_confirmed(), "every order that ships is confirmed")?;
            rule(!view.will_ship() || view.is_committed(), "every order that ships has committed stock")?;
            rule(
                view.will_ship() == view.parcel.active,
                "the carrier has an active booking for an order if and only if it ships",
            )?;
            rule(view.is_cancelled() || view.is_paid(), "every order that ships is paid")?;
            if let Some(Outcome::Cancelled(reason)) = view.order.and_then(|order| order.outcome) {
                rule(
                    self.has_cause(*scenario, reason),
                    &format!("an order is cancelled for {reason:?} only with a cause"),
                )?;
            }
        }
        Ok(())
    }

    /// Returns whether an order in this scenario can be cancelled for this reason.
    fn has_cause(&self, scenario: OrderScenario, reason: CancelReason) -> bool {
        match reason {
            CancelReason::OutOfStock => (self.config.mugs as usize) < self.config.scenarios.len(),
            CancelReason::PaymentDeclined => scenario.card == Card::Declined,
            CancelReason::ShipmentRejected => scenario.address == DeliveryAddress::Refused,
            CancelReason::Customer => scenario.cancelled,
            CancelReason::DeadlinePassed => {
                self.lost > 0
                    || scenario.late
                    || scenario.card == Card::Silent
                    || scenario.address == DeliveryAddress::Silent
            }
        }
    }

    fn view(&self, index: usize) -> OrderView<'_> {
        let id = order_id(index);
        let reservation = self.services.inventory.get(&StreamId::new(RESERVATIONS, id));
        OrderView {
            order: self.order(index),
            reservation: reservation.map_or(&Reservation::New, |state| &state.reservation),
            shipment: self.shipment(index).unwrap_or(&Shipment::New),
            account: self.accounts.get(&id).cloned().unwrap_or_default(),
            parcel: self.parcels.get(&id).cloned().unwrap_or_default(),
        }
    }

    pub(crate) fn order(&self, index: usize) -> Option<&OrderState> {
        self.services.order.get(&StreamId::new(ORDERS, order_id(index)))?.order.as_ref()
    }

    pub(crate) fn shipment(&self, index: usize) -> Option<&Shipment> {
        self.services.shipping.get(&StreamId::new(SHIPMENTS, order_id(index)))
    }
}
