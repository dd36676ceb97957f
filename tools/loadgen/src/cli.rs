//! Command line of the load generator.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use xtask::postgres::Storage;

use crate::load::plan::{ClosedLoop, Load, LoadPlan, LoopEnd};
use crate::load::schedule::Schedule;

/// Maximum requests of an open loop, because each result is kept in memory.
const SCHEDULED_MAX: u64 = 10_000_000;

/// Default duration of a measurement.
const DEFAULT_SECONDS: f64 = 20.0;

/// Default duration of each measurement of `--all`; longer, because its figures are published.
const DEFAULT_SECONDS_OF_ALL: f64 = 60.0;

/// Default for the stored orders before the first of the two measurements that compare data sizes.
const DEFAULT_PRELOAD_OF_ALL: u64 = 10_000;

/// Measures throughput and latency of the order saga, and the cost of one saga.
///
/// Without `--rate`, the load is a closed loop: each client sends its next order when the previous one is accepted.
/// With `--rate`, it is an open loop: requests are sent at fixed times regardless of responses, and latencies count
/// from these times.
#[derive(Debug, Parser)]
#[command(name = "cargo saga bench --", bin_name = "cargo saga bench --", max_term_width = 120)]
pub(crate) struct LoadgenArguments {
    /// Takes all published measurements and compares them with the goals: the closed loop as chosen here, with 512
    /// clients and with one product; the open loop with 20 orders/s and with half the maximum throughput; the cost of
    /// tracing; the effect of stored orders; and PostgreSQL if available. Takes about half an hour and temporarily
    /// 15 GB of disk.
    #[arg(long, conflicts_with_all = ["rate", "hot", "tracing", "storage"])]
    pub(crate) all: bool,
    /// Clients of the closed loop.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u16).range(1..=4096))]
    clients: u16,
    /// Maximum unfinished sagas of the closed loop. If equal to the number of clients, each client waits until its
    /// order is final.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    in_flight: u32,
    /// Rate of the open loop, in orders per second.
    #[arg(long)]
    rate: Option<f64>,
    /// Number of orders to send.
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..=SCHEDULED_MAX))]
    orders: Option<u64>,
    /// Seconds to send orders [default: 20; with `--all` 60].
    #[arg(long)]
    seconds: Option<f64>,
    /// Number of products that the orders are spread over.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    skus: u16,
    /// Orders one product only.
    #[arg(long, conflicts_with = "skus")]
    hot: bool,
    /// Orders sent before the measurement, while the broker's JVM compiles its code.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    warm_up: u64,
    /// Minimum stored orders before the measurement, including the warm-up. All are real, final orders [default: 0;
    /// with `--all` 10000, for the first of the two measurements that compare data sizes].
    #[arg(long, value_parser = clap::value_parser!(u64).range(0..=SCHEDULED_MAX))]
    preload: Option<u64>,
    /// Minimum stored orders before the second of these measurements.
    #[arg(long, requires = "all", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=SCHEDULED_MAX))]
    pub(crate) flat_orders: u64,
    /// Storage of the services.
    #[arg(long, value_enum, default_value_t = Storage::Sqlite)]
    pub(crate) storage: Storage,
    /// Measures four times, in turn without and with the export of every span, and prints the ratio.
    #[arg(long)]
    pub(crate) tracing: bool,
    /// Writes the figures to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Draws the figures as SVG files in this directory.
    #[arg(long)]
    pub(crate) plots: Option<PathBuf>,
}

impl LoadgenArguments {
    /// Plan that the arguments describe.
    ///
    /// # Errors
    /// The arguments are invalid or contradict each other.
    pub(crate) fn plan(&self) -> Result<LoadPlan> {
        let closed = |until| ClosedLoop { clients: self.clients, in_flight: self.in_flight, until };
        Ok(LoadPlan {
            products: if self.hot { 1 } else { self.skus },
            warm_up: closed(LoopEnd::Orders(self.warm_up)),
            load: match self.rate {
                Some(rate) => self.open(rate)?,
                None => Load::Closed(closed(self.until()?)),
            },
        })
    }

    /// Open loop of this rate, with the chosen length.
    ///
    /// # Errors
    /// The rate is invalid, or results in too many orders.
    pub(crate) fn open(&self, rate: f64) -> Result<Load> {
        ensure!(rate.is_finite() && rate > 0.0, "invalid --rate: must be more than 0");
        let schedule = match self.orders {
            Some(orders) => Schedule::new(rate, orders),
            None => Schedule::lasting(rate, Duration::from_secs_f64(self.checked_seconds()?)),
        };
        ensure!((1..=SCHEDULED_MAX).contains(&schedule.len()), "invalid number of orders: {}", schedule.len());
        Ok(Load::Open(schedule))
    }

    /// Minimum stored orders before the measurement.
    pub(crate) fn preload(&self) -> u64 {
        self.preload.unwrap_or(if self.all { DEFAULT_PRELOAD_OF_ALL } else { 0 })
    }

    fn until(&self) -> Result<LoopEnd> {
        Ok(match self.orders {
            Some(orders) => LoopEnd::Orders(orders),
            None => LoopEnd::Elapsed(Duration::from_secs_f64(self.checked_seconds()?)),
        })
    }

    fn checked_seconds(&self) -> Result<f64> {
        let default = if self.all { DEFAULT_SECONDS_OF_ALL } else { DEFAULT_SECONDS };
        let seconds = self.seconds.unwrap_or(default);
        ensure!(seconds > 0.0 && seconds <= 86_400.0, "invalid --seconds: must be more than 0 and at most 86400");
        Ok(seconds)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn help_matches_snapshot() {
        let mut command = LoadgenArguments::command().term_width(120);
        let text = command.render_long_help().to_string();
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        expect_file!["help.txt"].assert_eq(&(lines.join("\n") + "\n"));
    }

    fn arguments(line: &str) -> Result<LoadgenArguments> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        Ok(LoadgenArguments::try_parse_from(words)?)
    }

    fn plan(line: &str) -> Result<LoadPlan> {
        arguments(line)?.plan()
    }

    #[test]
    fn loop_is_closed_without_a_rate() {
        let LoadPlan { products, load, .. } = plan("--orders 7 --hot").unwrap();
        let expected = ClosedLoop { clients: 48, in_flight: 5_000, until: LoopEnd::Orders(7) };
        assert_eq!((products, load), (1, Load::Closed(expected)));
    }

    #[test]
    fn loop_is_open_with_a_rate() {
        let LoadPlan { products, load, .. } = plan("--rate 20 --seconds 3").unwrap();
        assert_eq!((products, load), (100, Load::Open(Schedule::new(20.0, 60))));
    }

    #[test]
    fn all_has_longer_defaults() {
        let all = arguments("--all").unwrap();
        assert_eq!((all.plan().unwrap().load.length(), all.preload(), all.flat_orders), (60, 10_000, 1_000_000));
        let one = arguments("").unwrap();
        assert_eq!((one.plan().unwrap().load.length(), one.preload()), (20, 0));
    }

    #[test]
    fn invalid_arguments_are_rejected() {
        for line in ["--rate 0", "--rate -1", "--rate NaN", "--seconds 0", "--rate 1e9 --seconds 100", "--clients 0"] {
            assert!(plan(line).is_err(), "{line}");
        }
        for line in ["--all --rate 20", "--all --storage postgres", "--all --hot", "--flat-orders 5"] {
            assert!(plan(line).is_err(), "{line}");
        }
    }
}
