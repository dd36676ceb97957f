#![doc = include_str!("../README.md")]

mod cli;
mod environment;
mod floor;
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
    arguments.plans()?;
    let workspace = Workspace::find()?;
    let binaries = arguments.binaries.clone().unwrap_or_else(|| workspace.target().join("release"));
    let progress = Progress::shown();
    let broker = Broker::obtain(&workspace, progress)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start the runtime")?;
    let context =
        BenchContext { workspace: &workspace, binaries: &binaries, broker: &broker, runtime: &runtime, progress };
    let results =
        if arguments.all { full_run::measure_all(&context, arguments)? } else { chosen(&context, arguments)? };
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
    Ok(report.is_complete())
}

/// Measures the loads that the arguments describe.
fn chosen(context: &BenchContext<'_>, arguments: &LoadgenArguments) -> Result<BenchResults> {
    let (scenario, postgres) = match arguments.storage {
        Storage::Sqlite => (BenchScenario::Plain, None),
        Storage::Postgres => {
            let server = Postgres::obtain(context.workspace, Durability::Full, context.progress)?;
            (BenchScenario::Postgres, Some(server))
        }
    };
    let (postgres, preload) = (postgres.as_ref(), arguments.preload);
    let mut results = BenchResults::default();
    for plan in arguments.plans()? {
        let title = plan.load.title();
        let runs = if arguments.tracing {
            full_run::tracing(context, &plan, preload, postgres)
        } else {
            measure(context, &BenchCase::of(scenario, plan, preload).on(postgres))
        };
        results.add(&title, runs);
    }
    Ok(results)
}
