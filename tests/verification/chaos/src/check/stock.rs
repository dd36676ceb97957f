use std::collections::BTreeMap;

use crate::evidence::{Evidence, ObservedStock, PublishedEvent};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    let sold = units(evidence.sold().flat_map(|order| &order.lines).map(|line| (line.sku.as_str(), line.quantity)));
    let kept = kept(evidence);
    for (sku, received) in &evidence.received {
        let Some(stock) = evidence.stock.get(sku) else {
            found.push(format!("{received} of {sku} were received and it has no stock"));
            continue;
        };
        let ObservedStock { on_hand, reserved, shipped, .. } = *stock;
        if on_hand < 0 || reserved < 0 || shipped < 0 {
            found.push(format!("{sku} is negative: {stock:?}"));
        }
        if on_hand + reserved + shipped != i64::try_from(*received).unwrap_or(i64::MAX) {
            found.push(format!("{sku} is not conserved: {received} were received, now {stock:?}"));
        }
        if reserved != 0 {
            found.push(format!("{sku} has a reservation without an open order: {stock:?}"));
        }
        let sold = sold.get(sku.as_str()).copied().unwrap_or_default();
        if shipped != sold {
            found.push(format!("{shipped} of {sku} are shipped and {sold} are sold"));
        }
        let kept = kept.get(sku.as_str()).copied().unwrap_or_default();
        if shipped != kept {
            found.push(format!("{shipped} of {sku} are shipped and {kept} are reserved by events"));
        }
    }
    found
}

fn units<'a>(lines: impl Iterator<Item = (&'a str, u32)>) -> BTreeMap<&'a str, i64> {
    lines.fold(BTreeMap::new(), |mut sum, (sku, quantity)| {
        *sum.entry(sku).or_default() += i64::from(quantity);
        sum
    })
}

/// Units reserved and not released, computed from the events without duplicates.
fn kept(evidence: &Evidence) -> BTreeMap<&str, i64> {
    let once: BTreeMap<_, &PublishedEvent> = evidence.facts.iter().map(|fact| (fact.id, fact)).collect();
    let mut sum = BTreeMap::new();
    for fact in once.values() {
        let sign = if fact.event == "StockReserved" { 1 } else { -1 };
        for (sku, quantity) in &fact.lines {
            *sum.entry(sku.as_str()).or_default() += sign * i64::from(*quantity);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{SKU, fact, one_sold_order};

    fn check_with(stock: ObservedStock) -> Vec<String> {
        let mut evidence = one_sold_order();
        evidence.stock.insert(SKU.to_owned(), stock);
        check(&evidence)
    }

    #[test]
    fn check_reports_gained_and_lost_units() {
        assert_eq!(check_with(ObservedStock::of(9, 0, 2)).len(), 1);
        assert_eq!(check_with(ObservedStock::of(7, 0, 2)).len(), 1);
    }

    #[test]
    fn check_reports_remaining_reservation_and_unsold_shipment() {
        assert_eq!(check_with(ObservedStock::of(7, 1, 2)).len(), 1);
        assert_eq!(check_with(ObservedStock::of(7, 0, 3)).len(), 2, "orders and events");
    }

    #[test]
    fn check_reports_negative_stock() {
        assert_eq!(check_with(ObservedStock::of(-1, 9, 2)).len(), 2, "negative and reserved");
    }

    #[test]
    fn check_reports_shipment_of_released_units() {
        let mut evidence = one_sold_order();
        let mut released = fact("StockReleased", 90, Some(1));
        released.lines = vec![(SKU.to_owned(), 2)];
        evidence.facts.push(released);
        assert_eq!(check(&evidence).len(), 1);
    }
}
