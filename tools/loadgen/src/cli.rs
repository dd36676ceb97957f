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

/// Default length of a measurement, in seconds.
const DEFAULT_SECONDS: f64 = 10.0;

/// Default length of each measurement of `--all`, in seconds; longer, because its figures are published.
const DEFAULT_SECONDS_OF_ALL: f64 = 20.0;

/// Sagas in flight by default, each in its own measurement.
pub(crate) const IN_FLIGHT: [u16; 5] = [1, 16, 48, 512, 5_000];

/// Measures throughput and latency of the order saga, and the cost of one saga.
///
/// By default, the number of sagas in flight is constant: each client sends an order, waits until it reads the end of
/// the saga from Kafka, and sends the next one. One measurement for each of 1, 16, 48, 512 and 5,000 in flight. With
/// `--rate`, orders are sent at fixed times regardless of responses, and latencies count from these times.
#[derive(Debug, Parser)]
#[command(name = "cargo saga bench --", bin_name = "cargo saga bench --", max_term_width = 120)]
pub(crate) struct LoadgenArguments {
    /// Takes all published measurements and compares them with the goals. Takes about half an hour and temporarily 15 GB
    /// of disk.
    #[arg(long, conflicts_with_all = ["in_flight", "rate", "hot", "tracing", "storage", "preload"])]
    pub(crate) all: bool,
    /// Sagas in flight, in one measurement.
    #[arg(long, conflicts_with = "rate", value_parser = clap::value_parser!(u16).range(1..=20_000))]
    in_flight: Option<u16>,
    /// Orders per second.
    #[arg(long)]
    rate: Option<f64>,
    /// Length of each measurement, in seconds [default: 10; with `--all` 20].
    #[arg(long)]
    seconds: Option<f64>,
    /// Seconds with orders before each measurement, while the broker's JVM compiles its code.
    #[arg(long, default_value_t = 5.0)]
    warm_up: f64,
    /// Number of products that the orders are spread over.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    skus: u16,
    /// Orders one product only.
    #[arg(long, conflicts_with = "skus")]
    hot: bool,
    /// Minimum stored orders before the measurement. All are real, final orders.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=SCHEDULED_MAX))]
    pub(crate) preload: u64,
    /// Stored orders in the measurement that is compared with one of empty databases.
    #[arg(long, requires = "all", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=SCHEDULED_MAX))]
    pub(crate) flat_orders: u64,
    /// Storage of the services.
    #[arg(long, value_enum, default_value_t = Storage::Sqlite)]
    pub(crate) storage: Storage,
    /// Measures four times, in turn without and with the export of every span, and prints the ratio.
    #[arg(long)]
    pub(crate) tracing: bool,
    /// Directory of the services' programs [default: those of this workspace, optimized].
    #[arg(long)]
    pub(crate) binaries: Option<PathBuf>,
    /// Writes the figures to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Draws the figures as SVG files in this directory.
    #[arg(long)]
    pub(crate) plots: Option<PathBuf>,
}

impl LoadgenArguments {
    /// Plans that the arguments describe, without those of `--all`.
    ///
    /// # Errors
    /// The arguments are invalid.
    pub(crate) fn plans(&self) -> Result<Vec<LoadPlan>> {
        match (self.rate, self.in_flight) {
            (Some(rate), _) => Ok(vec![self.at_rate(rate)?]),
            (None, Some(in_flight)) => Ok(vec![self.in_flight(in_flight)?]),
            (None, None) => IN_FLIGHT.into_iter().map(|in_flight| self.in_flight(in_flight)).collect(),
        }
    }

    /// Plan with this many sagas in flight.
    ///
    /// # Errors
    /// A length of time is invalid.
    pub(crate) fn in_flight(&self, in_flight: u16) -> Result<LoadPlan> {
        let until = LoopEnd::Elapsed { before: self.warm_up()?, counted: self.checked_seconds()? };
        self.plan(Load::Closed(ClosedLoop { in_flight, until }))
    }

    /// Plan with this many orders per second.
    ///
    /// # Errors
    /// The rate is invalid, or results in too many orders.
    pub(crate) fn at_rate(&self, rate: f64) -> Result<LoadPlan> {
        ensure!(rate.is_finite() && rate > 0.0, "invalid --rate: must be more than 0");
        let schedule = Schedule::lasting(rate, self.checked_seconds()?);
        ensure!((1..=SCHEDULED_MAX).contains(&schedule.len()), "invalid number of orders: {}", schedule.len());
        self.plan(Load::Open(schedule))
    }

    fn plan(&self, load: Load) -> Result<LoadPlan> {
        Ok(LoadPlan { products: if self.hot { 1 } else { self.skus }, warm_up: self.warm_up()?, load })
    }

    fn warm_up(&self) -> Result<Duration> {
        ensure!((0.0..=3_600.0).contains(&self.warm_up), "invalid --warm-up: must be from 0 to 3600");
        Ok(Duration::from_secs_f64(self.warm_up))
    }

    fn checked_seconds(&self) -> Result<Duration> {
        let default = if self.all { DEFAULT_SECONDS_OF_ALL } else { DEFAULT_SECONDS };
        let seconds = self.seconds.unwrap_or(default);
        ensure!(seconds > 0.0 && seconds <= 86_400.0, "invalid --seconds: must be more than 0 and at most 86400");
        Ok(Duration::from_secs_f64(seconds))
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

    fn loads(line: &str) -> Result<Vec<Load>> {
        Ok(arguments(line)?.plans()?.into_iter().map(|plan| plan.load).collect())
    }

    fn closed(in_flight: u16, counted: u64) -> Load {
        let until = LoopEnd::Elapsed { before: Duration::from_secs(5), counted: Duration::from_secs(counted) };
        Load::Closed(ClosedLoop { in_flight, until })
    }

    #[test]
    fn default_is_one_measurement_for_each_in_flight() {
        assert_eq!(loads("").unwrap(), IN_FLIGHT.map(|in_flight| closed(in_flight, 10)));
    }

    #[test]
    fn load_follows_the_arguments() {
        assert_eq!(loads("--in-flight 7 --seconds 3").unwrap(), [closed(7, 3)]);
        assert_eq!(loads("--rate 20 --seconds 3").unwrap(), [Load::Open(Schedule::new(20.0, 60))]);
        assert_eq!(arguments("--hot").unwrap().plans().unwrap()[0].products, 1);
    }

    #[test]
    fn all_measures_longer() {
        let all = arguments("--all").unwrap();
        assert_eq!((all.in_flight(48).unwrap().load, all.flat_orders), (closed(48, 20), 1_000_000));
    }

    #[test]
    fn invalid_arguments_are_rejected() {
        for line in ["--rate 0", "--rate -1", "--rate NaN", "--seconds 0", "--rate 1e9 --seconds 100", "--warm-up -1"] {
            assert!(loads(line).is_err(), "{line}");
        }
        for line in ["--in-flight 0", "--in-flight 5 --rate 20", "--all --rate 20", "--all --hot", "--flat-orders 5"] {
            assert!(arguments(line).is_err(), "{line}");
        }
    }
}
