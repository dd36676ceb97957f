//! One run of the chaos test, with a broker of its own. `cargo saga chaos` builds everything first.

use std::process::ExitCode;

use anyhow::Result;
use chaos::faults::plan::Size;
use chaos::report::report;
use chaos::run::ChaosRun;
use chaos::system::SystemConfig;
use clap::Parser;
use xtask::{Broker, Progress, Workspace, children, postgres::Storage};

/// Lets orders flow while everything fails that can, and checks what came of them. Exit code 1 if a rule is broken.
#[derive(Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// What schedule and orders are made from; the same seed gives the same. Default: a new one, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// How many orders there are at least.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    orders: u32,
    /// How many of them come in a second.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// The long form: 100,000 orders, 64 in a second.
    #[arg(long, conflicts_with_all = ["orders", "rate"])]
    long: bool,
    /// Where the services keep their data. On PostgreSQL there are three instances of each service in the middle of the run.
    #[arg(long, value_enum, default_value_t = Storage::Sqlite)]
    storage: Storage,
}

fn main() -> ExitCode {
    let outcome = run(&Arguments::parse());
    children::leave_the_end_to_a_signal();
    match outcome {
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
        run.subject = SystemConfig::on_postgres();
    }
    println!("{}", run.plan());
    let broker = Broker::own(&Workspace::find()?, Progress::shown())?;
    let outcome = run.on(broker, Progress::shown())?;
    print!("{}", report(&outcome));
    if !outcome.violations.is_empty() {
        let storage = if is_shared { " --storage postgres" } else { "" };
        println!("again: cargo saga chaos --seed {} --orders {orders} --rate {orders_per_second}{storage}", run.seed);
    }
    Ok(outcome.violations.is_empty())
}
