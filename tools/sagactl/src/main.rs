//! `sagactl`, the operator's command line: what became of orders, what waits, and what to do about records that could not be
//! handled.
//!
//! It talks to Kafka and to the services' HTTP APIs, as anybody may; only `rebuild` opens a service's database, to read.

mod backlog;
mod choreography;
mod dead_letters;
mod http;
mod lag;
mod orders;
mod output;
mod rebuild;
mod service;
mod settings;

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::settings::{Settings, SettingsArgs};

/// Wrong arguments or configuration, as in sysexits.h; the services end so, too.
const EXIT_USAGE: u8 = 64;

/// Operates the order saga: dead letters, orders, consumer lag, backlogs, and states rebuilt from the log.
#[derive(Parser)]
#[command(version, after_help = HELP)]
struct Arguments {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Examples:
  sagactl dead-letters list --service inventory --since 24h
  sagactl dead-letters redrive inventory/0/17 --dry-run
  sagactl orders watch 01a208d8-0266-73c3-9b9f-c2ad752e6e01
  sagactl rebuild order --check
  sagactl lag --output json

Kafka clients take any librdkafka property by the prefix KAFKA_, as the services do: KAFKA_SECURITY_PROTOCOL=ssl.
KAFKA_TOPIC_PREFIX is the services' own.

Exit codes: 0 done, 1 failed, refused or found a difference, 64 wrong arguments or configuration.";

#[derive(Subcommand)]
enum Command {
    /// Records that a service could not handle: look at them, have them tried once more, put them away.
    #[command(subcommand, visible_alias = "dlq")]
    DeadLetters(dead_letters::Command),
    /// Orders and their path through the services.
    #[command(subcommand)]
    Orders(orders::Command),
    /// States rebuilt from the log alone, held against what a service's database keeps beside it.
    Rebuild(rebuild::Rebuild),
    /// Who does what when something happened: the saga's table.
    Choreography(choreography::Choreography),
    /// How many records of each topic each service has yet to do.
    Lag(lag::Lag),
    /// What waits in each service: events, calls, parked records, dead letters, timers.
    Backlog(backlog::Backlog),
}

/// Arguments that don't go together, beyond what their parser can tell.
#[derive(Debug)]
struct Usage(&'static str);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Usage {}

/// How a command that was carried out ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All is as it should be.
    Good,
    /// Something was refused, or is not as it should be; it has been told.
    Bad,
}

impl Verdict {
    fn good_if(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Where it can't be printed there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let settings = match Settings::read(arguments.settings) {
        Ok(settings) => settings,
        Err(errors) => {
            for error in errors {
                eprintln!("sagactl: {error}");
            }
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match run(arguments.command, &settings) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        // Who read the output has seen enough: `sagactl orders list | head -3`.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sagactl: {error:#}");
            if error.is::<Usage>() { ExitCode::from(EXIT_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command, settings: &Settings) -> anyhow::Result<Verdict> {
    match command {
        Command::DeadLetters(command) => command.run(settings),
        Command::Orders(command) => command.run(settings),
        Command::Rebuild(command) => command.run(settings),
        Command::Choreography(command) => command.run(settings),
        Command::Lag(command) => command.run(settings),
        Command::Backlog(command) => command.run(settings),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }
}
