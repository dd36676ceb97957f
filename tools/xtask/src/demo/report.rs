//! Output of the demonstration.

use std::fmt::Write;

use super::scenario::{SCENARIOS, Scenario};
use super::shop::{DemoOrder, Stock, TimelineEntry};
use crate::suite::Suite;
use crate::table::Table;
use catalog::ServiceName;

/// An order's heading and its events with their times.
pub(super) fn timeline(number: usize, scenario: &Scenario, order: &DemoOrder, entries: &[TimelineEntry]) -> String {
    let mut text = format!(
        "Order {number}: {} buys {} × {} → {}\n",
        scenario.customer, scenario.quantity, scenario.product.name, order.status
    );
    write!(text, "  expected: {}; order {}", scenario.title, order.id).ok();
    if let Some(total) = &order.total {
        write!(text, ", total {}.{:02} {}", total.minor / 100, total.minor % 100, total.currency).ok();
    }
    if let Some(reason) = &order.reason {
        write!(text, "\n  reason: {reason}").ok();
    }
    let mut table = Table::new(&["time (UTC)", "+ms", "service", "event"], &[1]);
    for entry in entries {
        let since_placed = milliseconds(entry.since_placed_us);
        table.row(vec![time_of_day(&entry.time), since_placed, entry.service.clone(), entry.event.clone()]);
    }
    format!("{text}\n{table}")
}

/// The stock of each product before and after.
pub(super) fn stock(before: &[Stock], after: &[Stock]) -> String {
    let header = ["product", "on hand", "reserved", "shipped", "", "on hand", "reserved", "shipped", "order"];
    let mut table = Table::new(&header, &[1, 2, 3, 5, 6, 7]);
    for ((scenario, before), after) in SCENARIOS.iter().zip(before).zip(after) {
        let mut cells = vec![scenario.product.sku.to_owned()];
        cells.extend(numbers(*before));
        cells.push("→".to_owned());
        cells.extend(numbers(*after));
        cells.push(scenario.title.to_owned());
        table.row(cells);
    }
    format!("Stock before and after\n{table}")
}

/// Addresses of the services, and commands to try.
pub(super) fn invitation(suite: &Suite, order_id: &str) -> String {
    let order = suite.url(ServiceName::Order);
    let mut text = String::from("The services are up:\n");
    for service in ServiceName::all() {
        writeln!(text, "  {:<10} {}", service.name(), suite.url(service)).ok();
    }
    let body = SCENARIOS[0].order();
    write!(
        text,
        "\nTry:\n  curl -si {order}/orders -H 'content-type: application/json' -d '{body}'\n  \
         curl -s {order}/orders/{order_id}\n  curl -s {order}/orders/{order_id}/timeline\n  \
         curl -s {inventory}/stock/{sku}\n\nLogs and databases: {dir}\nCtrl-C stops everything.",
        inventory = suite.url(ServiceName::Inventory),
        sku = SCENARIOS[0].product.sku,
        dir = suite.dir().display(),
    )
    .ok();
    text
}

fn numbers(stock: Stock) -> [String; 3] {
    [stock.on_hand, stock.reserved, stock.shipped].map(|number| number.to_string())
}

/// With one decimal.
fn milliseconds(microseconds: i64) -> String {
    let tenths = (microseconds + 50).div_euclid(100);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// `13:49:05.434` of `2026-11-23T13:49:05.434771Z`.
fn time_of_day(rfc3339: &str) -> String {
    let time = rfc3339.split_once('T').map_or(rfc3339, |(_, time)| time);
    time.trim_end_matches('Z').chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(time_of_day("2026-11-23T13:49:05.434771Z"), "13:49:05.434");
        assert_eq!(time_of_day("2026-11-23T13:49:05Z"), "13:49:05");
        assert_eq!(milliseconds(12_349), "12.3");
        assert_eq!(milliseconds(0), "0.0");
    }
}
