//! The load generator: how many sagas the suite completes in a second, how long one takes, and what it costs.
//!
//! It starts a broker and the four services as a user would, sends orders by HTTP, and reads from Kafka when each of them
//! is final. So a saga's latency ends where any other consumer could know of its end, and nothing is polled for it.

mod all;
mod arguments;
mod catalog;
mod cost;
mod databases;
mod disk;
mod finals;
mod follower;
mod goals;
mod hops;
mod journal;
mod latency;
mod ledger;
mod limit;
mod load;
mod machine;
mod measure;
mod order_api;
mod plan;
mod plots;
mod purpose;
mod record;
mod report;
mod schedule;
mod session;
mod sink;
mod stage;
mod topics;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use xtask::{
    Broker, Postgres, Progress, Workspace, children,
    postgres::{Durability, Storage},
};

use all::Findings;
use arguments::Arguments;
use measure::{Bench, Case};
use purpose::Purpose;
use report::Report;

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

/// Measures and prints; tells whether every order became final.
fn run(arguments: &Arguments) -> Result<bool> {
    arguments.plan()?;
    let workspace = Workspace::find()?;
    let progress = Progress::shown();
    let broker = Broker::obtain(&workspace, progress)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start tokio")?;
    let bench = Bench { workspace: &workspace, broker: &broker, runtime: &runtime, progress };
    let found = if arguments.all { all::measure(&bench, arguments)? } else { one(&bench, arguments)? };
    let report = Report::new(&broker, found, arguments.all);
    println!("\n{report}");
    if let Some(file) = &arguments.json {
        report.save(file)?;
    }
    if let Some(dir) = &arguments.plots {
        for file in plots::draw(report.runs(), dir)? {
            progress.say(&format!("✔ {}", file.display()));
        }
    }
    Ok(report.is_good())
}

/// What was asked for alone.
fn one(bench: &Bench<'_>, arguments: &Arguments) -> Result<Findings> {
    let (plan, preload) = (arguments.plan()?, arguments.preload());
    let postgres = match arguments.storage {
        Storage::Sqlite => None,
        Storage::Postgres => Some(Postgres::obtain(bench.workspace, Durability::Full, bench.progress)?),
    };
    let postgres = postgres.as_ref();
    let runs = if arguments.tracing {
        all::tracing(bench, &plan, preload, postgres)?
    } else {
        Bench::run(bench, &Case::of(Purpose::Asked, plan, preload).on(postgres).with_limit())?
    };
    Ok(Findings { runs, ..Findings::default() })
}
