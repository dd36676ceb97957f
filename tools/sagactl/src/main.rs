#![doc = include_str!("../README.md")]

mod backlog;
mod choreography;
mod dead_letters;
mod exit;
mod http;
mod lag;
mod orders;
mod output;
mod rebuild;
mod republish;
mod service;
mod settings;

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{
    exit::{ExitStatus, UsageError},
    settings::{Settings, SettingsArgs},
};

/// Operates the order saga.
#[derive(Parser)]
#[command(name = "sagactl", version, max_term_width = 120, after_help = HELP)]
struct SagactlArguments {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: SagactlCommand,
}

const HELP: &str = "\
Examples:
  sagactl dead-letters list --service inventory --since 24h
  sagactl dead-letters redrive inventory/0/17 --dry-run
  sagactl orders watch 01a208d8-0266-73c3-9b9f-c2ad752e6e01
  sagactl rebuild order --check
  sagactl republish --service order --since 24h
  sagactl lag --output json

Variables with the prefix KAFKA_ set librdkafka properties, as in the services: KAFKA_SECURITY_PROTOCOL=ssl.
KAFKA_TOPIC_PREFIX must have the same value as in the services.

Exit codes:
  0   success
  1   failure: an operation failed or was refused, or a check found a difference
  64  invalid arguments or configuration";

#[derive(Subcommand)]
enum SagactlCommand {
    /// List, show, redrive and discard records that a service could not process
    #[command(subcommand, visible_alias = "dlq")]
    DeadLetters(dead_letters::DeadLettersCommand),
    /// List, show and follow orders
    #[command(subcommand)]
    Orders(orders::OrdersCommand),
    /// Rebuild streams from the log and compare them with the stored status and snapshots
    Rebuild(rebuild::RebuildCommand),
    /// Let a service publish its facts again, for services that missed some
    Republish(republish::RepublishCommand),
    /// Print the reactions of the services to events, requests and deadlines
    Choreography(choreography::ChoreographyCommand),
    /// Print the consumer lag of each service
    Lag(lag::LagCommand),
    /// Print the work that waits in each service: events, calls, parked records, dead letters, timers
    Backlog(backlog::BacklogCommand),
}

fn main() -> ExitCode {
    let arguments = match SagactlArguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A failure to print cannot be reported.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let settings = match Settings::read(arguments.settings) {
        Ok(settings) => settings,
        Err(errors) => {
            for error in errors {
                eprintln!("sagactl: {error}");
            }
            return ExitCode::from(exit::USAGE);
        }
    };
    match run(arguments.command, &settings) {
        Ok(status) => status.into(),
        // The reader of the output closed it early: `sagactl orders list | head -3`.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("sagactl: {error:#}");
            if error.is::<UsageError>() { ExitCode::from(exit::USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: SagactlCommand, settings: &Settings) -> anyhow::Result<ExitStatus> {
    match command {
        SagactlCommand::DeadLetters(command) => command.run(settings),
        SagactlCommand::Orders(command) => command.run(settings),
        SagactlCommand::Rebuild(command) => command.run(settings),
        SagactlCommand::Republish(command) => command.run(settings),
        SagactlCommand::Choreography(command) => command.run(settings),
        SagactlCommand::Lag(command) => command.run(settings),
        SagactlCommand::Backlog(command) => command.run(settings),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        SagactlArguments::command().debug_assert();
    }

    /// Collects the long help of a command and of its subcommands.
    fn help(command: &mut clap::Command, text: &mut String) {
        let name = command.get_bin_name().unwrap_or("sagactl").to_owned();
        // Variables of this machine must not change the text.
        let shown = command.clone().mut_args(|arg| arg.hide_env_values(true)).render_long_help();
        let shown: Vec<_> = shown.to_string().lines().map(str::trim_end).map(str::to_owned).collect();
        text.extend(["$ ", &name, " --help\n", &shown.join("\n"), "\n\n"]);
        for subcommand in command.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            help(subcommand, text);
        }
    }

    #[test]
    fn help_texts_match_snapshot() {
        let mut command = SagactlArguments::command().term_width(120);
        command.build();
        let mut text = String::new();
        help(&mut command, &mut text);
        expect_file!["help.txt"].assert_eq(&text);
    }
}
