//! What can be chosen on the command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use local::postgres::Storage;

use crate::schedule::Schedule;

/// The longest open loop, in requests: each has a place in memory.
const SCHEDULED_MAX: u64 = 10_000_000;

/// How long orders are sent if nothing is said.
const DEFAULT_SECONDS: f64 = 20.0;

/// Measures the order saga: throughput, latency, and what a saga costs.
///
/// Without `--rate` in a closed loop: each client sends its next order when the one before is accepted. With `--rate` in an
/// open loop: requests are sent at their times, however the suite does, and latency counts from these times.
#[derive(Debug, Parser)]
#[command(name = "cargo saga bench --", bin_name = "cargo saga bench --")]
pub(crate) struct Arguments {
    /// Clients of the closed loop.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u16).range(1..=4096))]
    clients: u16,
    /// How many sagas of the closed loop may be unfinished; with as many as there are clients, each of them waits until its
    /// order is final.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    in_flight: u32,
    /// Open loop: orders sent in a second.
    #[arg(long)]
    rate: Option<f64>,
    /// How many orders to send.
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..=SCHEDULED_MAX))]
    orders: Option<u64>,
    /// How long to send orders [default: 20].
    #[arg(long)]
    seconds: Option<f64>,
    /// Products that the orders are spread over.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    skus: u16,
    /// All orders are for one product.
    #[arg(long, conflicts_with = "skus")]
    hot: bool,
    /// Orders sent before anything is measured: the broker's code is compiled while it runs.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    warm_up: u64,
    /// Where the services keep their data.
    #[arg(long, value_enum, default_value_t = Storage::Sqlite)]
    pub(crate) storage: Storage,
    /// Measure four times, alternately without and with the export of every span, and tell the ratio.
    #[arg(long)]
    pub(crate) tracing: bool,
    /// Also write the figures to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// What to send.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) products: u16,
    pub(crate) warm_up: Closed,
    pub(crate) load: Load,
}

/// How it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Load {
    Closed(Closed),
    Open(Schedule),
}

/// Clients that each wait for the answer to their last order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Closed {
    pub(crate) clients: u16,
    pub(crate) in_flight: u32,
    pub(crate) until: Until,
}

/// When a closed loop ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Until {
    Orders(u64),
    Elapsed(Duration),
}

impl Arguments {
    /// What follows from the arguments.
    ///
    /// # Errors
    /// They make no sense together.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let closed = |until| Closed { clients: self.clients, in_flight: self.in_flight, until };
        Ok(Plan {
            products: if self.hot { 1 } else { self.skus },
            warm_up: closed(Until::Orders(self.warm_up)),
            load: match self.rate {
                Some(rate) => Load::Open(self.schedule(rate)?),
                None => Load::Closed(closed(self.until()?)),
            },
        })
    }

    fn until(&self) -> Result<Until> {
        Ok(match self.orders {
            Some(orders) => Until::Orders(orders),
            None => Until::Elapsed(Duration::from_secs_f64(self.checked_seconds()?)),
        })
    }

    fn schedule(&self, rate: f64) -> Result<Schedule> {
        ensure!(rate.is_finite() && rate > 0.0, "--rate must be more than 0");
        let schedule = match self.orders {
            Some(orders) => Schedule::new(rate, orders),
            None => Schedule::lasting(rate, Duration::from_secs_f64(self.checked_seconds()?)),
        };
        ensure!((1..=SCHEDULED_MAX).contains(&schedule.len()), "that is {} orders", schedule.len());
        Ok(schedule)
    }

    fn checked_seconds(&self) -> Result<f64> {
        let seconds = self.seconds.unwrap_or(DEFAULT_SECONDS);
        ensure!(seconds > 0.0 && seconds <= 86_400.0, "--seconds must be more than 0 and at most a day");
        Ok(seconds)
    }
}

impl Load {
    /// For a heading.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Closed(Closed { clients, in_flight, .. }) => {
                format!("closed loop, {clients} clients, at most {in_flight} sagas unfinished")
            }
            Self::Open(schedule) => format!("open loop, {} orders/s", schedule.rate()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Plan> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        Arguments::try_parse_from(words)?.plan()
    }

    #[test]
    fn without_a_rate_the_loop_is_closed() {
        let Plan { products, load, .. } = plan("--orders 7 --hot").unwrap();
        let expected = Closed { clients: 48, in_flight: 5_000, until: Until::Orders(7) };
        assert_eq!((products, load), (1, Load::Closed(expected)));
    }

    #[test]
    fn with_a_rate_it_is_open_and_as_long_as_asked_for() {
        let Plan { products, load, .. } = plan("--rate 20 --seconds 3").unwrap();
        assert_eq!((products, load), (100, Load::Open(Schedule::new(20.0, 60))));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--rate 0", "--rate -1", "--rate NaN", "--seconds 0", "--rate 1e9 --seconds 100", "--clients 0"] {
            assert!(plan(line).is_err(), "{line}");
        }
    }
}
