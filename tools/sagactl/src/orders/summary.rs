//! Orders as the order service returns them, and their formatting.

use contracts::Money;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct OrderSummary {
    #[serde(rename = "order_id")]
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    pub(super) customer: String,
    pub(super) total: Money,
    pub(super) placed_at: String,
    deadline: String,
}

/// Returns whether an order with this status needs no more work. A confirmed order can still be cancelled until its
/// dispatch.
pub(super) fn is_final(status: &str) -> bool {
    ["confirmed", "dispatched", "cancelled"].contains(&status)
}

/// Formats money with two decimals, as most currencies have them.
pub(super) fn amount(Money { minor, currency }: Money) -> String {
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    format!("{sign}{}.{:02} {}", minor / 100, minor % 100, currency.as_str())
}

/// Time of day with milliseconds: `13:49:05.434` for `2026-11-23T13:49:05.434771Z`.
pub(super) fn time_of_day(rfc3339: &str) -> String {
    let time = rfc3339.split_once('T').map_or(rfc3339, |(_, time)| time);
    time.trim_end_matches('Z').chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_has_two_decimals() {
        assert_eq!(amount(Money::eur(1205)), "12.05 EUR");
        assert_eq!(amount(Money::eur(-5)), "-0.05 EUR");
    }

    #[test]
    fn time_of_day_has_at_most_milliseconds() {
        assert_eq!(time_of_day("2026-11-23T13:49:05.434771Z"), "13:49:05.434");
        assert_eq!(time_of_day("2026-11-23T13:49:05Z"), "13:49:05");
    }
}
