//! The command line of a service: arguments, configuration and exit codes.

use std::process::ExitCode;

use anyhow::Context as _;
use cloudevent::Contract as _;
use decider::Service;

use crate::service::{
    config::Config,
    definition::ServiceDefinition,
    environment::ProcessEnvironment,
    health,
    help::help,
    runtime::Runtime,
    seams::{Direct, Seams},
};

/// Wrong arguments or configuration, as in sysexits.h.
const EXIT_USAGE: u8 = 64;

/// Runs the service until a signal stops it. For `main`: reads arguments and environment, and returns the exit code.
pub fn run<S: Service>(definition: &ServiceDefinition<S>) -> ExitCode {
    run_with(definition, &Direct)
}

/// Like [`run`], with other connections to the outside.
pub fn run_with<S: Service>(definition: &ServiceDefinition<S>, seams: &impl Seams) -> ExitCode {
    let service = S::Public::OWNER;
    match std::env::args().nth(1).as_deref() {
        None => serve(definition, seams),
        Some("--help" | "-h") => {
            print!("{}", help(service, definition.about, definition.port, &definition.variables));
            ExitCode::SUCCESS
        }
        Some("--version" | "-V") => {
            println!("{service} {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some("--health") => health(definition),
        Some(unknown) => {
            eprintln!("{service}: unknown argument '{unknown}'; see --help");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn serve<S: Service>(definition: &ServiceDefinition<S>, seams: &impl Seams) -> ExitCode {
    let service = S::Public::OWNER;
    let config = match Config::read(&ProcessEnvironment, service, definition.port, &definition.variables) {
        Ok(config) => config,
        Err(errors) => {
            for error in errors {
                eprintln!("{service}: {error}");
            }
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start threads");
    let served = threads
        .and_then(|threads| threads.block_on(async { Runtime::build(definition, &config, seams).await?.run().await }));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{service}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Health check of a container, whose image contains no other program for it.
fn health<S: Service>(definition: &ServiceDefinition<S>) -> ExitCode {
    let service = S::Public::OWNER;
    let Ok(config) = Config::read(&ProcessEnvironment, service, definition.port, &definition.variables) else {
        eprintln!("{service}: invalid configuration (run without --health for details)");
        return ExitCode::FAILURE;
    };
    match health::check(&config.http_addr) {
        Ok(body) => {
            println!("{body}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{service}: {error}");
            ExitCode::FAILURE
        }
    }
}
