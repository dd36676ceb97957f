#![doc = include_str!("../README.md")]

mod cli;
mod environment;
mod full_run;
mod load;
mod measure;
mod observe;
mod plots;
mod report;
mod resources;
mod results;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use xtask::{
    Broker, Postgres, Progress, Workspace, children,
    postgres::{Durability, Storage},
};

use cli::LoadgenArguments;
use measure::case::{BenchCase, BenchContext};
use measure::results::BenchResults;
use measure::run::run as measure;
use measure::scenario::BenchScenario;
use report::BenchReport;

fn main() -> ExitCode {
    let result = run(&LoadgenArguments::parse());
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

/// Measures and prints the report. Returns whether every order became final.
fn run(arguments: &LoadgenArguments) -> Result<bool> {
    arguments.plan()?;
    let workspace = Workspace::find()?;
    let progress = Progress::shown();
    let broker = Broker::obtain(&workspace, progress)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start the runtime")?;
    let context = BenchContext { workspace: &workspace, broker: &broker, runtime: &runtime, progress };
    let results = if arguments.all { full_run::measure_all(&context, arguments)? } else { one(&context, arguments)? };
    let report = BenchReport::new(&broker, results, arguments.all);
    println!("\n{report}");
    if let Some(file) = &arguments.json {
        report::save(&report, file)?;
    }
    if let Some(dir) = &arguments.plots {
        for file in plots::draw(report.runs(), dir)? {
            progress.print(&format!("✔ {}", file.display()));
        }
    }
    Ok(report.is_good())
}

/// Measures the load that the arguments describe.
fn one(context: &BenchContext<'_>, arguments: &LoadgenArguments) -> Result<BenchResults> {
    let (plan, preload) = (arguments.plan()?, arguments.preload());
    let postgres = match arguments.storage {
        Storage::Sqlite => None,
        Storage::Postgres => Some(Postgres::obtain(context.workspace, Durability::Full, context.progress)?),
    };
    let postgres = postgres.as_ref();
    let runs = if arguments.tracing {
        full_run::tracing(context, &plan, preload, postgres)?
    } else {
        measure(context, &BenchCase::of(BenchScenario::AdHoc, plan, preload).on(postgres).with_limit())?
    };
    Ok(BenchResults { runs, ..BenchResults::default() })
}
