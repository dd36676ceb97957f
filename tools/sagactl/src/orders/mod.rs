//! Orders and their path through the services, by the services' HTTP APIs.

mod list;
mod show;
mod sse;
mod watch;

use anyhow::Result;
use clap::Subcommand;
use contracts::Money;
use serde::{Deserialize, Serialize};

use crate::{Verdict, settings::Settings};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Orders, the newest first.
    List(list::List),
    /// One order: where it is, every event of it in every service, and its trace.
    Show(show::Show),
    /// Follow one order until it is final; goes on where it was when the connection is lost.
    Watch(watch::Watch),
}

impl Command {
    pub(crate) fn run(self, settings: &Settings) -> Result<Verdict> {
        match self {
            Self::List(command) => command.run(settings),
            Self::Show(command) => command.run(settings),
            Self::Watch(command) => command.run(settings),
        }
    }
}

/// An order, as the order service shows it.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Order {
    #[serde(rename = "order_id")]
    id: String,
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    customer: String,
    total: Money,
    placed_at: String,
    deadline: String,
}

/// Whether an order with this status needs nothing more. A confirmed one can still be cancelled until it is dispatched.
fn is_final(status: &str) -> bool {
    ["confirmed", "dispatched", "cancelled"].contains(&status)
}

/// With two decimals, as most currencies have them.
fn amount(Money { minor, currency }: Money) -> String {
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    format!("{sign}{}.{:02} {}", minor / 100, minor % 100, currency.as_str())
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
    fn amounts_have_two_decimals() {
        assert_eq!(amount(Money::eur(1205)), "12.05 EUR");
        assert_eq!(amount(Money::eur(-5)), "-0.05 EUR");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(time_of_day("2026-11-23T13:49:05.434771Z"), "13:49:05.434");
        assert_eq!(time_of_day("2026-11-23T13:49:05Z"), "13:49:05");
    }
}
