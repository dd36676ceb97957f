use std::collections::BTreeSet;

use contracts::OrderId;

use crate::evidence::{Evidence, PublishedEvent};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    let facts = evidence.facts_by_order();
    for (id, accepted) in &evidence.accepted {
        match evidence.orders.get(id) {
            None => found.push(format!("order {id} was accepted at {} and does not exist", accepted.at)),
            Some(order) => {
                if order.total.minor != accepted.total_minor {
                    found.push(format!(
                        "order {id} was accepted with total {} and has total {}",
                        accepted.total_minor, order.total
                    ));
                }
                let facts = facts.get(id).map_or(&[][..], Vec::as_slice);
                found.extend(check_end(*id, &order.status, accepted.cancelled, facts));
            }
        }
    }
    let others = evidence.orders.keys().filter(|id| !evidence.accepted.contains_key(id));
    found.extend(others.map(|id| format!("order {id} exists and was never accepted")));
    let unknown = facts.keys().filter(|id| !evidence.orders.contains_key(id));
    found.extend(unknown.map(|id| format!("order {id} has events and is unknown to the order service")));
    found
}

/// A confirmed order can still be cancelled once, on request.
fn check_end(id: OrderId, status: &str, cancelled: bool, facts: &[&PublishedEvent]) -> Vec<String> {
    let events: BTreeSet<_> = facts.iter().map(|fact| fact.event).collect();
    let has = |event: &str| events.contains(event);
    let mut found = Vec::new();
    if !has("OrderPlaced") {
        found.push(format!("order {id} was never published"));
    }
    let as_published = match status {
        "confirmed" => has("OrderConfirmed") && !has("OrderCancelled"),
        "dispatched" => has("OrderConfirmed") && !has("OrderCancelled") && has("ShipmentDispatched"),
        "cancelled" => has("OrderCancelled") && (!has("OrderConfirmed") || has("OrderCancellationRequested")),
        _ => false,
    };
    if !as_published {
        found.push(format!("order {id} ends as {status} with the events {events:?}"));
    }
    if cancelled && status == "confirmed" && !has("ShipmentCancellationRefused") {
        found.push(format!(
            "order {id} is confirmed although its cancellation was accepted, with the events {events:?}"
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{fact, one_sold_order, order_id};

    #[test]
    fn check_reports_lost_and_unexpected_orders() {
        let mut lost = one_sold_order();
        lost.orders.clear();
        assert_eq!(check(&lost).len(), 2, "{:?}", check(&lost));
        let mut unexpected = one_sold_order();
        unexpected.accepted.clear();
        assert_eq!(check(&unexpected).len(), 1);
    }

    #[test]
    fn check_reports_order_without_end() {
        let mut evidence = one_sold_order();
        evidence.orders.get_mut(&order_id()).expect("one").status = "paid".to_owned();
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_order_with_two_ends() {
        let mut evidence = one_sold_order();
        evidence.facts.push(fact("OrderCancelled", 90, Some(1)));
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_changed_total() {
        let mut evidence = one_sold_order();
        evidence.accepted.get_mut(&order_id()).expect("one").total_minor += 1;
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_accepted_cancellation_without_effect() {
        let mut evidence = one_sold_order();
        evidence.accepted.get_mut(&order_id()).expect("one").cancelled = true;
        assert_eq!(check(&evidence).len(), 1);
    }
}
