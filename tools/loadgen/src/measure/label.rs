//! Labels of measurements in tables and plots.

use super::measurement::Measurement;
use super::scenario::BenchScenario;

/// A short label.
pub(crate) fn of(run: &Measurement) -> String {
    let load = run.load.title();
    match run.scenario {
        BenchScenario::Plain => load,
        BenchScenario::Postgres => format!("{load}, PostgreSQL"),
        BenchScenario::Untraced => format!("{load}, tracing off"),
        BenchScenario::Traced => format!("{load}, tracing on"),
        BenchScenario::FewOrders | BenchScenario::ManyOrders => {
            format!("{load}, {} orders stored", grouped(run.orders_before))
        }
    }
}

/// Formats a number with a comma after each third digit.
pub(crate) fn grouped(number: u64) -> String {
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
