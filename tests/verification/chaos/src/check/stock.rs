use std::collections::BTreeMap;

use crate::evidence::{Evidence, ObservedStock, PublishedEvent};

pub(super) fn check(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    let sold = units(evidence.sold().flat_map(|order| &order.lines).map(|line| (line.sku.as_str(), line.quantity)));
    let kept = kept(evidence);
    for (sku, received) in &evidence.received {
        let Some(stock) = evidence.stock.get(sku) else {
            found.push(format!("{received} of {sku} were received, and its stock is not there"));
            continue;
        };
        let ObservedStock { on_hand, reserved, shipped, .. } = *stock;
        if on_hand < 0 || reserved < 0 || shipped < 0 {
            found.push(format!("{sku} is negative: {stock:?}"));
        }
        if on_hand + reserved + shipped != i64::try_from(*received).unwrap_or(i64::MAX) {
            found.push(format!("{sku} is not conserved: {received} were received, now it is {stock:?}"));
        }
        if reserved != 0 {
            found.push(format!("{sku} is held for nobody: {stock:?}"));
        }
        let sold = sold.get(sku.as_str()).copied().unwrap_or_default();
        if shipped != sold {
            found.push(format!("{shipped} of {sku} have left, and {sold} are sold"));
        }
        let kept = kept.get(sku.as_str()).copied().unwrap_or_default();
        if shipped != kept {
            found.push(format!("{shipped} of {sku} have left, and events keep {kept} reserved"));
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

/// What was reserved and not released, by the events. Those that are there twice count once.
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

    fn with(stock: ObservedStock) -> Vec<String> {
        let mut evidence = one_sold_order();
        evidence.stock.insert(SKU.to_owned(), stock);
        check(&evidence)
    }

    #[test]
    fn units_that_appear_or_disappear_are_told() {
        assert_eq!(with(ObservedStock::of(9, 0, 2)).len(), 1);
        assert_eq!(with(ObservedStock::of(7, 0, 2)).len(), 1);
    }

    #[test]
    fn units_that_are_still_held_or_left_for_nobody_are_told() {
        assert_eq!(with(ObservedStock::of(7, 1, 2)).len(), 1);
        assert_eq!(with(ObservedStock::of(7, 0, 3)).len(), 2, "by the orders, and by the events");
    }

    #[test]
    fn a_negative_stock_is_told() {
        assert_eq!(with(ObservedStock::of(-1, 9, 2)).len(), 2, "negative, and held");
    }

    #[test]
    fn a_release_that_nobody_made_good_is_told() {
        let mut evidence = one_sold_order();
        let mut released = fact("StockReleased", 90, Some(1));
        released.lines = vec![(SKU.to_owned(), 2)];
        evidence.facts.push(released);
        assert_eq!(check(&evidence).len(), 1);
    }
}
