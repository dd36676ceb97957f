//! One chaos run with its own broker. `cargo saga chaos` builds everything first.

use std::process::ExitCode;

use anyhow::Result;
use chaos::faults::plan::Size;
use chaos::report::report;
use chaos::run::ChaosRun;
use chaos::system::SystemConfig;
use clap::Parser;
use xtask::{Broker, Progress, Workspace, children, postgres::Storage};

/// Injects faults under a steady flow of orders and checks the results. Exit code 1 if a rule is violated.
#[derive(Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// Seed of faults and orders. Default: a random seed, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Minimum number of orders.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    orders: u32,
    /// Orders per second.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// Long run: 100,000 orders, 64 per second.
    #[arg(long, conflicts_with_all = ["orders", "rate"])]
    long: bool,
    /// Storage of the services. On PostgreSQL, three instances of each service run in the middle of the run.
    #[arg(long, value_enum, default_value_t = Storage::Sqlite)]
    storage: Storage,
}

fn main() -> ExitCode {
    let result = run(&Arguments::parse());
    children::await_signal_handler();
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    let (orders, orders_per_second) = if arguments.long { (100_000, 64) } else { (arguments.orders, arguments.rate) };
    let is_shared = arguments.storage == Storage::Postgres;
    let instances = if is_shared { 3 } else { 1 };
    let size = Size { orders, orders_per_second, broker_kills: Some(3), instances };
    let mut run = ChaosRun::new(arguments.seed.unwrap_or_else(|| fastrand::u64(1..1_000_000)), size);
    if is_shared {
        run.config = SystemConfig::on_postgres();
    }
    println!("{}", run.plan());
    let broker = Broker::start(&Workspace::find()?, Progress::shown())?;
    let result = run.on(broker, Progress::shown())?;
    print!("{}", report(&result));
    if !result.violations.is_empty() {
        let storage = if is_shared { " --storage postgres" } else { "" };
        println!(
            "repeat with: cargo saga chaos --seed {} --orders {orders} --rate {orders_per_second}{storage}",
            run.seed
        );
    }
    Ok(result.violations.is_empty())
}
