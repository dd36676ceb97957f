use crate::evidence::Evidence;

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    for (id, money) in &evidence.money {
        if money.captures > 1 || money.refunds > money.captures {
            found.push(format!("order {id} was charged or refunded too often: {money:?}"));
        }
        if !evidence.orders.contains_key(id) {
            found.push(format!("the gateway has an entry for the unknown order {id}: {money:?}"));
        }
    }
    for (id, order) in &evidence.orders {
        let money = evidence.money.get(id).copied().unwrap_or_default();
        let paid = money.captured_minor - money.refunded_minor;
        let due = if order.ships() { order.total.minor } else { 0 };
        if paid != due {
            found.push(format!("order {id} is {} with {paid} of {due} paid: {money:?}", order.status));
        }
        let status = evidence.payments.get(id).map_or("unknown", |payment| payment.status.as_str());
        if order.ships() != (status == "captured") {
            found.push(format!("order {id} is {} and its payment is {status}", order.status));
        }
    }
    let kept: i64 = evidence.money.values().map(|money| money.captured_minor - money.refunded_minor).sum();
    let sold: i64 = evidence.sold().map(|order| order.total.minor).sum();
    if kept != sold {
        found.push(format!("captures minus refunds are {kept}, the total of sold orders is {sold}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{one_sold_order, order_id};

    #[test]
    fn check_reports_second_capture() {
        let mut evidence = one_sold_order();
        evidence.money.get_mut(&order_id()).expect("one").captures = 2;
        assert_eq!(check(&evidence).len(), 1);
    }

    #[test]
    fn check_reports_unpaid_shipment() {
        let mut evidence = one_sold_order();
        evidence.money.clear();
        assert_eq!(check(&evidence).len(), 2, "order and total");
    }

    #[test]
    fn check_reports_missing_refund() {
        let mut evidence = one_sold_order();
        evidence.orders.get_mut(&order_id()).expect("one").status = "cancelled".to_owned();
        assert_eq!(check(&evidence).len(), 3, "gateway, payment service and total");
    }

    #[test]
    fn check_reports_charge_of_unknown_order() {
        let mut evidence = one_sold_order();
        evidence.orders.clear();
        assert_eq!(check(&evidence).len(), 2);
    }
}
