//! The developer command, `cargo saga`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::command::{bench, chaos, contracts, microbench, test};
use xtask::{Progress, Workspace, broker, children, compose, conformance, demo, generate, mutants, scaffold};

/// Runs, tests and extends the order saga on this machine.
#[derive(Parser)]
#[command(name = "cargo saga", bin_name = "cargo saga")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a broker and the services, place four orders, print their timelines, and keep running until Ctrl-C.
    Run {
        /// Build and run optimized services.
        #[arg(long)]
        release: bool,
        /// Exit after the timelines; exit code 1 if an order had an unexpected outcome.
        #[arg(long)]
        exit: bool,
    },
    /// Run all tests of the workspace against a Kafka broker and a PostgreSQL server, then list the slowest tests. The
    /// exit code is that of `cargo test`.
    Test {
        /// Arguments for `cargo test`, after `--`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Measure throughput, latency and cost of optimized services; exit code 1 if an order did not reach a final
    /// status.
    Bench {
        /// Compare with this commit: build both, measure them in turns, and print medians, ratio and spread. The commit
        /// is built in the worktree `target/bench-other`, which stays for later comparisons.
        #[arg(long, value_name = "COMMIT")]
        compare: Option<String>,
        /// Rounds of the comparison; each measures both commits once.
        #[arg(long, requires = "compare", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=50))]
        rounds: u8,
        /// Arguments for the load generator, after `--`: `--all` measures everything; `cargo saga bench -- --help`
        /// lists them.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run microbenchmarks of the steps that every event passes through: reading and writing an event, a batch with
    /// SQLite, rebuilding a stream. Compares with the previous run or with a saved baseline.
    BenchMicro {
        /// Arguments for Criterion, after `--`: a part of a benchmark's name, `--save-baseline NAME`, `--baseline
        /// NAME`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Place orders while services and broker are killed repeatedly, and check the outcome of every order; exit code 1
    /// if a rule is broken. `cargo saga chaos --help` lists the arguments.
    #[command(disable_help_flag = true)]
    Chaos {
        /// `--seed N`, `--orders N`, `--rate N`, `--long` or `--storage postgres`; default: 2,000 orders and a new
        /// seed.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Test `docker compose up --build` with its own ports and volumes: orders, traces, a restart of each container,
    /// and that data survives. Requires a Docker engine with Compose; the first build takes minutes.
    ComposeTest,
    /// Check events, OpenAPI and AsyncAPI documents with third-party tools: the CloudEvents SDK for Python, jsonschema,
    /// schemathesis, and AsyncAPI's parser. Requires Python and Node; downloads the tools the first time.
    Conformance,
    /// Compare the events in the code with the released ones; check, change and release them. `cargo saga contracts --
    /// --help` lists the arguments.
    Contracts {
        /// `check`, `new <Event> <YYYY-MM>` or `release`; default: list the changes.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Mutate deciders and policies in hundreds of places, one at a time: a unit test or the model must fail each time.
    /// Exit code 1 if a mutant survives that `tests/verification/mutants/survivors.toml` does not justify. Installs
    /// cargo-mutants the first time; changes the files in place and restores them, so do not edit them during the run.
    Mutants {
        /// Packages to mutate, such as `order`; default: all.
        packages: Vec<String>,
        /// Mutate one package, picked from this commit hash, so that the choice is repeatable.
        #[arg(long, value_name = "HASH", conflicts_with = "packages")]
        pick_by: Option<String>,
    },
    /// Write the parts of the deployment files that list the services, from the catalog in `shared/catalog`.
    Generate,
    /// Create a service: its package, its contracts, its entry in the catalog, and the generated deployment files.
    NewService {
        /// Name of the service, its package and its folder: lower-case letters and digits.
        name: String,
        /// Create a service that owns no topic and only reads.
        #[arg(long)]
        reader: bool,
    },
    /// Manage a Kafka broker that keeps running, for `run` and `test`.
    #[command(subcommand)]
    Broker(BrokerCommand),
}

#[derive(Subcommand)]
enum BrokerCommand {
    /// Start the broker unless it runs: in Docker if that works here, otherwise in Java.
    Start,
    /// Stop the broker and remove its data.
    Stop,
    /// Print the broker's address; exit code 1 if it does not run.
    Status,
}

fn main() -> ExitCode {
    let outcome = run(Cli::parse().command);
    children::await_signal_handler();
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    let (workspace, progress) = (&Workspace::find()?, Progress::shown());
    let code = match command {
        Command::Run { release, exit } => u8::from(!demo::run(workspace, release, exit, progress)?),
        Command::Test { arguments } => test::run(workspace, &arguments, progress)?,
        Command::Bench { compare: None, arguments, .. } => bench::run(workspace, &arguments, progress)?,
        Command::Bench { compare: Some(commit), rounds, arguments } => {
            bench::compare(workspace, &commit, rounds, &arguments, progress)?
        }
        Command::BenchMicro { arguments } => microbench::run(workspace, &arguments, progress)?,
        Command::Chaos { arguments } => chaos::run(workspace, &arguments, progress)?,
        Command::ComposeTest => compose::run(workspace, progress).map(|()| 0)?,
        Command::Conformance => conformance::run(workspace, progress)?,
        Command::Contracts { arguments } => contracts::run(workspace, &arguments)?,
        Command::Mutants { packages, pick_by } => {
            let packages = match pick_by {
                Some(hash) => vec![mutants::pick(&hash)?],
                None => packages,
            };
            mutants::run(workspace, &packages, progress)?
        }
        Command::Generate => generate::run(workspace.root())?,
        Command::NewService { name, reader } => scaffold::run(workspace, &name, reader)?,
        Command::Broker(command) => return run_broker(&command, workspace, progress),
    };
    Ok(code.into())
}

fn run_broker(command: &BrokerCommand, workspace: &Workspace, progress: Progress) -> Result<ExitCode> {
    let found = match command {
        BrokerCommand::Start => Some(broker::start(workspace, progress)?),
        BrokerCommand::Status => broker::status(workspace)?,
        BrokerCommand::Stop => {
            match broker::stop(workspace)? {
                Some(state) => println!("stopped the broker at {} ({})", state.address, state.handle),
                None => println!("no persistent broker is running"),
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    let Some(state) = found else {
        println!("no persistent broker is running; start one with `cargo saga broker start`");
        return Ok(ExitCode::FAILURE);
    };
    println!("Kafka at {} ({})", state.address, state.handle);
    println!("export {}={}", broker::ADDRESS_VARIABLE, state.address);
    Ok(ExitCode::SUCCESS)
}
