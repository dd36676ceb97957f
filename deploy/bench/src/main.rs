//! The load generator: how many sagas the suite completes in a second, how long one takes, and what it costs.
//!
//! It starts a broker and the four services as a user would, sends orders by HTTP, and reads from Kafka when each of them
//! is final. So a saga's latency ends where any other consumer could know of its end, and nothing is polled for it.

mod arguments;
mod catalog;
mod cost;
mod databases;
mod disk;
mod finals;
mod latency;
mod ledger;
mod limit;
mod load;
mod machine;
mod measure;
mod order_api;
mod report;
mod schedule;
mod sink;
mod stage;
mod topics;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use local::{
    Broker, Postgres, Progress, Workspace, children,
    postgres::{Durability, Storage},
};

use arguments::Arguments;
use measure::{Bench, Measurement};
use report::Report;
use sink::Sink;

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
    let plan = arguments.plan()?;
    let workspace = Workspace::find()?;
    let progress = Progress::shown();
    let broker = Broker::obtain(&workspace, progress)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start tokio")?;
    let postgres = match arguments.storage {
        Storage::Sqlite => None,
        Storage::Postgres => Some(Postgres::obtain(&workspace, Durability::Full, progress)?),
    };
    let postgres = postgres.as_ref();
    let bench = Bench { workspace: &workspace, broker: &broker, postgres, plan: &plan, runtime: &runtime, progress };
    let runs = if arguments.tracing { alternate(&bench)? } else { vec![bench.run(None, true)?] };
    let report = Report::new(&broker, postgres, runs);
    println!("\n{report}");
    if let Some(file) = &arguments.json {
        report.save(file)?;
    }
    Ok(report.is_good())
}

/// Without and with tracing, twice, so that a machine that grows slower or faster meanwhile does not decide.
fn alternate(bench: &Bench) -> Result<Vec<Measurement>> {
    let sink = Sink::start(bench.runtime)?;
    let runs = [(None, true), (Some(&sink), false), (None, false), (Some(&sink), false)];
    runs.into_iter().map(|(sink, with_limit)| bench.run(sink, with_limit)).collect()
}
