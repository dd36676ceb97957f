//! What can be chosen on the command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use xtask::postgres::Storage;

use crate::plan::{Closed, Load, Plan, Until};
use crate::schedule::Schedule;

/// The longest open loop, in requests: each has a place in memory.
const SCHEDULED_MAX: u64 = 10_000_000;

/// How long orders are sent if nothing is said.
const DEFAULT_SECONDS: f64 = 20.0;

/// The same for each measurement of all: what is claimed shall last.
const DEFAULT_SECONDS_OF_ALL: f64 = 60.0;

/// The orders in the databases before the first of the two measurements that show flatness.
const DEFAULT_PRELOAD_OF_ALL: u64 = 10_000;

/// Measures the order saga: throughput, latency, and what a saga costs.
///
/// Without `--rate` in a closed loop: each client sends its next order when the one before is accepted. With `--rate` in an
/// open loop: requests are sent at their times, however the suite does, and latency counts from these times.
#[derive(Debug, Parser)]
#[command(name = "cargo saga bench --", bin_name = "cargo saga bench --")]
pub(crate) struct Arguments {
    /// Measure everything that the README claims, and compare it with the goals: the closed loop as chosen here, with 512
    /// clients and with one product; the open loop with 20 orders/s and with half of the highest throughput; what tracing
    /// costs; whether orders in the databases cost anything; and PostgreSQL, if there is one. Takes about half an hour, and
    /// 15 GB of disk for the time.
    #[arg(long, conflicts_with_all = ["rate", "hot", "tracing", "storage"])]
    pub(crate) all: bool,
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
    /// How long to send orders [default: 20; with `--all` 60].
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
    /// Finished orders in the databases before it is measured, those of the warm-up included; real ones, sent like the others
    /// [default: 0; with `--all` 10000, for the first of the two measurements that show flatness].
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=SCHEDULED_MAX))]
    preload: Option<u64>,
    /// With `--all`: finished orders in the databases before the second of these two.
    #[arg(long, requires = "all", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=SCHEDULED_MAX))]
    pub(crate) flat_orders: u64,
    /// Where the services keep their data.
    #[arg(long, value_enum, default_value_t = Storage::Sqlite)]
    pub(crate) storage: Storage,
    /// Measure four times, alternately without and with the export of every span, and tell the ratio.
    #[arg(long)]
    pub(crate) tracing: bool,
    /// Also write the figures to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Also draw the figures, as SVG files in this directory.
    #[arg(long)]
    pub(crate) plots: Option<PathBuf>,
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
                Some(rate) => self.open(rate)?,
                None => Load::Closed(closed(self.until()?)),
            },
        })
    }

    /// The open loop at this rate, as long as chosen.
    ///
    /// # Errors
    /// The rate makes no sense, or not with this length.
    pub(crate) fn open(&self, rate: f64) -> Result<Load> {
        ensure!(rate.is_finite() && rate > 0.0, "--rate must be more than 0");
        let schedule = match self.orders {
            Some(orders) => Schedule::new(rate, orders),
            None => Schedule::lasting(rate, Duration::from_secs_f64(self.checked_seconds()?)),
        };
        ensure!((1..=SCHEDULED_MAX).contains(&schedule.len()), "that is {} orders", schedule.len());
        Ok(Load::Open(schedule))
    }

    /// How many orders are in the databases before it is measured, at least.
    pub(crate) fn preload(&self) -> u64 {
        self.preload.unwrap_or(if self.all { DEFAULT_PRELOAD_OF_ALL } else { 0 })
    }

    fn until(&self) -> Result<Until> {
        Ok(match self.orders {
            Some(orders) => Until::Orders(orders),
            None => Until::Elapsed(Duration::from_secs_f64(self.checked_seconds()?)),
        })
    }

    fn checked_seconds(&self) -> Result<f64> {
        let default = if self.all { DEFAULT_SECONDS_OF_ALL } else { DEFAULT_SECONDS };
        let seconds = self.seconds.unwrap_or(default);
        ensure!(seconds > 0.0 && seconds <= 86_400.0, "--seconds must be more than 0 and at most a day");
        Ok(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Result<Arguments> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        Ok(Arguments::try_parse_from(words)?)
    }

    fn plan(line: &str) -> Result<Plan> {
        arguments(line)?.plan()
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
    fn all_of_it_takes_longer_and_begins_with_orders() {
        let all = arguments("--all").unwrap();
        assert_eq!((all.plan().unwrap().load.length(), all.preload(), all.flat_orders), (60, 10_000, 1_000_000));
        let one = arguments("").unwrap();
        assert_eq!((one.plan().unwrap().load.length(), one.preload()), (20, 0));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--rate 0", "--rate -1", "--rate NaN", "--seconds 0", "--rate 1e9 --seconds 100", "--clients 0"] {
            assert!(plan(line).is_err(), "{line}");
        }
        for line in ["--all --rate 20", "--all --storage postgres", "--all --hot", "--flat-orders 5"] {
            assert!(plan(line).is_err(), "{line}");
        }
    }
}
