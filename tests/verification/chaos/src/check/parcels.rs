use std::collections::BTreeSet;

use contracts::OrderId;

use crate::evidence::Evidence;

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    let captured = orders_with(evidence, "PaymentCaptured");
    let committed = orders_with(evidence, "StockCommitted");
    for id in orders_with(evidence, "ShipmentScheduled").union(&orders_with(evidence, "ShipmentDispatched")) {
        if !captured.contains(id) || !committed.contains(id) {
            found.push(format!("order {id} has a shipment without payment or stock"));
        }
    }
    for (id, parcel) in &evidence.parcels {
        if parcel.bookings > 1 || parcel.unbooked > parcel.bookings {
            found.push(format!("order {id} was booked or cancelled too often at the carrier: {parcel:?}"));
        }
        if !evidence.orders.contains_key(id) {
            found.push(format!("the carrier has an entry for the unknown order {id}: {parcel:?}"));
        }
    }
    for (id, order) in &evidence.orders {
        let parcel = evidence.parcels.get(id).copied().unwrap_or_default();
        let active = parcel.bookings.saturating_sub(parcel.unbooked);
        if active != u64::from(order.ships()) {
            found.push(format!("order {id} is {} and has {active} active bookings", order.status));
        }
        let status = evidence.shipments.get(id).map_or("unknown", |shipment| shipment.status.as_str());
        if order.ships() != ["scheduled", "dispatched"].contains(&status) {
            found.push(format!("order {id} is {} and its shipment is {status}", order.status));
        }
        if evidence.accepted.get(id).is_some_and(|accepted| accepted.dispatched) && status != "dispatched" {
            found.push(format!("order {id} was dispatched and its shipment is {status}"));
        }
    }
    found
}

fn orders_with(evidence: &Evidence, event: &str) -> BTreeSet<OrderId> {
    evidence.facts.iter().filter(|fact| fact.event == event).map(|fact| fact.order_id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{one_sold_order, order_id};

    #[test]
    fn check_reports_unpaid_shipment() {
        let mut evidence = one_sold_order();
        evidence.facts.retain(|fact| fact.event != "PaymentCaptured");
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_second_booking() {
        let mut evidence = one_sold_order();
        evidence.parcels.get_mut(&order_id()).expect("one").bookings = 2;
        assert_eq!(check(&evidence).len(), 2, "too many bookings, two of them active");
    }

    #[test]
    fn check_reports_booking_of_cancelled_order() {
        let mut evidence = one_sold_order();
        evidence.orders.get_mut(&order_id()).expect("one").status = "cancelled".to_owned();
        assert_eq!(check(&evidence).len(), 2, "carrier and shipping service");
    }

    #[test]
    fn check_reports_lost_dispatch() {
        let mut evidence = one_sold_order();
        evidence.accepted.get_mut(&order_id()).expect("one").dispatched = true;
        assert_eq!(check(&evidence).len(), 1);
    }
}
