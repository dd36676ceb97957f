//! The developer command, `cargo saga`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::{
    Progress, Workspace, bench, broker, chaos, children, compose, conformance, contracts, demo, micro, mutants, testing,
};

/// Runs, tests and demonstrates the order saga on this machine.
#[derive(Parser)]
#[command(name = "cargo saga", bin_name = "cargo saga")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start broker and services, send four orders through the saga, print their timelines, and stay up.
    Run {
        /// Build and run optimized services.
        #[arg(long)]
        release: bool,
        /// End after the timelines; exit code 1 if an order did not end as it must.
        #[arg(long)]
        exit: bool,
    },
    /// Run all tests of the workspace against a Kafka broker and a PostgreSQL server; the exit code is that of `cargo test`.
    Test {
        /// Further arguments for `cargo test`, after `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Measure throughput, latency and cost of optimized services; exit code 1 if an order did not become final.
    Bench {
        /// Arguments for the load generator, after `--`: `--all` measures everything; `cargo saga bench -- --help` lists them.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Let orders flow while services and broker are killed again and again, and check what came of every order; exit code 1
    /// if a rule is broken. `cargo saga chaos --help` lists the arguments.
    #[command(disable_help_flag = true)]
    Chaos {
        /// `--seed N`, `--orders N`, `--rate N`, `--long` or `--storage postgres`; nothing: 2,000 orders and a new seed.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Try `docker compose up --build` as a user would, on ports and with volumes of its own: orders, traces, restarts of
    /// each container, and that data is kept. Needs a Docker engine with Compose; the first build takes minutes.
    ComposeTest,
    /// Hold events, OpenAPI and AsyncAPI documents to tools that others made: the CloudEvents SDK for Python, jsonschema,
    /// schemathesis, and AsyncAPI's parser. Needs Python and Node; the tools are fetched the first time.
    Conformance,
    /// Compare the events in the code with those that were released; check, change and release them. Try `contracts -- --help`.
    Contracts {
        /// `check`, `new <Event> <YYYY-MM>` or `release`; nothing: tell what has changed.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure by themselves the steps that every event goes through: reading and writing an event, a batch with SQLite, rebuilding
    /// a stream. Tells what has changed since the last time, or since a baseline that was saved.
    Micro {
        /// Arguments for Criterion, after `--`: a part of a benchmark's name, `--save-baseline NAME`, `--baseline NAME`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Change deciders and policies in one place at a time, hundreds of times: a unit test or the model must fail each time. Exit
    /// code 1 if a mutant survives that `tests/verification/mutants/survivors.toml` does not justify. Installs cargo-mutants the first time;
    /// mutates the files in place and restores them, so don't edit them meanwhile.
    Mutants {
        /// Only these packages, such as `order`; nothing: all.
        packages: Vec<String>,
    },
    /// A Kafka broker that goes on running and that `run` and `test` use.
    #[command(subcommand)]
    Broker(BrokerCommand),
}

#[derive(Subcommand)]
enum BrokerCommand {
    /// Start it, if it doesn't run: by Docker if that works here, else by Java.
    Start,
    /// Stop it and remove its data.
    Stop,
    /// Say whether and where it runs; exit code 1 if it doesn't.
    Status,
}

fn main() -> ExitCode {
    let outcome = run(&Arguments::parse());
    children::leave_the_end_to_a_signal();
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match &arguments.command {
        Command::Run { release, exit } => {
            let as_expected = demo::run(&workspace, *release, *exit, Progress::shown())?;
            Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Test { arguments } => Ok(testing::run(&workspace, arguments, Progress::shown())?.into()),
        Command::Conformance => Ok(conformance::run(&workspace, Progress::shown())?.into()),
        Command::Bench { arguments } => Ok(bench::run(&workspace, arguments, Progress::shown())?.into()),
        Command::Chaos { arguments } => Ok(chaos::run(&workspace, arguments, Progress::shown())?.into()),
        Command::ComposeTest => compose::run(&workspace, Progress::shown()).map(|()| ExitCode::SUCCESS),
        Command::Contracts { arguments } => Ok(contracts::run(&workspace, arguments)?.into()),
        Command::Micro { arguments } => Ok(micro::run(&workspace, arguments, Progress::shown())?.into()),
        Command::Mutants { packages } => Ok(mutants::run(&workspace, packages, Progress::shown())?.into()),
        Command::Broker(command) => run_broker(command, &workspace),
    }
}

fn run_broker(command: &BrokerCommand, workspace: &Workspace) -> Result<ExitCode> {
    let found = match command {
        BrokerCommand::Start => Some(broker::start(workspace, Progress::shown())?),
        BrokerCommand::Status => broker::status(workspace)?,
        BrokerCommand::Stop => {
            match broker::stop(workspace)? {
                Some(state) => println!("stopped the broker at {} ({})", state.address, state.handle),
                None => println!("no broker was left running"),
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    let Some(state) = found else {
        println!("no broker is left running; start one with `cargo saga broker start`");
        return Ok(ExitCode::FAILURE);
    };
    println!("Kafka at {} ({})", state.address, state.handle);
    println!("export {}={}", broker::ADDRESS_VARIABLE, state.address);
    Ok(ExitCode::SUCCESS)
}
