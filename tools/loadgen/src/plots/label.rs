//! Labels of measurements in plots.

use crate::load::plan::Load;
use crate::measure::measurement::Measurement;
use crate::measure::scenario::BenchScenario;

/// A short label.
pub(super) fn of(run: &Measurement) -> String {
    match (run.scenario, &run.load) {
        (BenchScenario::HotKey, _) => "hot SKU".into(),
        (BenchScenario::Untraced, _) => "tracing off".into(),
        (BenchScenario::Traced, _) => "tracing on".into(),
        (BenchScenario::Postgres | BenchScenario::PostgresManyClients, Load::Closed(closed)) => {
            format!("PostgreSQL, {} clients", closed.clients)
        }
        (BenchScenario::FewOrders | BenchScenario::ManyOrders, _) => {
            format!("{} orders stored", grouped(run.orders_before))
        }
        (BenchScenario::HalfCapacity, Load::Open(schedule)) => format!("half the maximum, {}/s", schedule.rate()),
        (_, Load::Open(schedule)) => format!("{} orders/s", schedule.rate()),
        (_, Load::Closed(closed)) => format!("{} clients", closed.clients),
    }
}

/// Formats a number with a comma after each third digit.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grouped_separates_three_digits() {
        let texts = [0, 999, 1_000, 10_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "10,000", "1,234,567"]);
    }
}
