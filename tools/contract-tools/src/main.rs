//! `cargo saga contracts`: compares, checks, changes and releases the contracts of this checkout.

use std::process::{Command as Process, ExitCode};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use contract_tools::{CheckReport, CodeContracts, ContractsFolder, CreatedVersion, check, new_version};

/// Compares the events in the code with the released events.
///
/// Without a command, prints the same report as `check` and exits with code 0.
#[derive(Parser)]
#[command(name = "cargo saga contracts", bin_name = "cargo saga contracts", max_term_width = 120)]
struct ContractsArguments {
    #[command(subcommand)]
    command: Option<ContractsCommand>,
}

#[derive(Subcommand)]
enum ContractsCommand {
    /// Prints changes since the last release, their compatibility, and problems; exit code 1 if there are problems.
    Check,
    /// Creates a new version of an event whose Rust type has changed: schema, golden file, version in `contract!`, and
    /// the upcaster from the previous version, complete if it follows from the change.
    New {
        /// Event type, such as `OrderPlaced`.
        event: String,
        /// Year and month of the new version, such as 2027-01.
        version: String,
    },
    /// Records all committed versions as released, after which they must not change.
    Release,
}

fn main() -> ExitCode {
    match run(&ContractsArguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &ContractsArguments) -> Result<ExitCode> {
    let (folder, code) = (ContractsFolder::of_this_checkout(), CodeContracts::built_in());
    match &arguments.command {
        None => show(&folder, &code).map(|_| ExitCode::SUCCESS),
        Some(ContractsCommand::Check) => {
            let report = show(&folder, &code)?;
            Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(ContractsCommand::New { event, version }) => {
            let created = new_version(&folder, &code, event, version)?;
            format(&folder);
            print_created(event, version, &created);
            Ok(ExitCode::SUCCESS)
        }
        Some(ContractsCommand::Release) => release(&folder, &code).map(|()| ExitCode::SUCCESS),
    }
}

fn show(folder: &ContractsFolder, code: &CodeContracts) -> Result<CheckReport> {
    let released = folder.released()?;
    let report = check(code, &released, &folder.history(&released));
    print!("{report}");
    if report == CheckReport::default() {
        println!("{} events, unchanged since their release", code.events.len());
    }
    Ok(report)
}

fn print_created(event: &str, version: &str, created: &CreatedVersion) {
    println!("{event} {version} since {}:", created.from);
    for change in &created.changes {
        println!("  {event} {change}");
    }
    if created.is_complete {
        println!("the upcaster in shared/contracts/src/upcast.rs is complete");
    } else {
        println!("write the upcaster in shared/contracts/src/upcast.rs; it fails until then");
    }
    println!("next: run UPDATE_EXPECT=1 cargo test -p contracts and review the difference");
}

/// Formats the generated source. A missing formatter is not a failure.
fn format(folder: &ContractsFolder) {
    let formatted = Process::new("rustfmt").arg("--edition=2024").arg(folder.path("src/upcast.rs")).status();
    if !formatted.is_ok_and(|status| status.success()) {
        eprintln!("failed to run rustfmt; run `cargo fmt --all`");
    }
}

fn release(folder: &ContractsFolder, code: &CodeContracts) -> Result<()> {
    let report = show(folder, code)?;
    ensure!(report.problems.is_empty(), "nothing released because of the problems above");
    let mut released = folder.released()?;
    for (event, version) in contracts::schemas::all_committed() {
        if released.record(&folder.version(&event, &version)?)? {
            println!("released {event} {version}");
        }
    }
    folder.write_released(&released)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn help_matches_snapshot() {
        let mut command = ContractsArguments::command().term_width(120);
        command.build();
        let mut text = command.render_long_help().to_string();
        for subcommand in command.get_subcommands_mut().filter(|command| command.get_name() != "help") {
            text += "\n";
            text += &subcommand.render_long_help().to_string();
        }
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        expect_file!["help.txt"].assert_eq(&(lines.join("\n") + "\n"));
    }
}
