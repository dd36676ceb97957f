//! `cargo saga contracts`: compares, checks, changes and releases the contracts of this checkout.

use std::process::{Command as Process, ExitCode};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use contract_tools::{Code, Folder, Made, Report, check, new_version};

/// Compares the events in the code with those that were released.
#[derive(Parser)]
#[command(name = "cargo saga contracts", bin_name = "cargo saga contracts")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Say what has changed since the last release, whom it hurts, and what is missing. Without a command, the same, and the
    /// exit code is 0.
    Check,
    /// Give an event, whose Rust type you have changed, a new version: schema, golden file, version in `contract!`, and the
    /// step from the version before, whole if that follows from the change.
    New {
        /// The event type, such as `OrderPlaced`.
        event: String,
        /// The year and month of the new version, such as 2027-01.
        version: String,
    },
    /// Record all committed versions as released. From then on they don't change any more.
    Release,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (folder, code) = (Folder::of_this_checkout(), Code::built_in());
    match &arguments.command {
        None => show(&folder, &code).map(|_| ExitCode::SUCCESS),
        Some(Command::Check) => {
            let report = show(&folder, &code)?;
            Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Some(Command::New { event, version }) => {
            let made = new_version(&folder, &code, event, version)?;
            format(&folder);
            tell(event, version, &made);
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Release) => release(&folder, &code).map(|()| ExitCode::SUCCESS),
    }
}

fn show(folder: &Folder, code: &Code) -> Result<Report> {
    let released = folder.released()?;
    let report = check(code, &released, &folder.history(&released));
    print!("{report}");
    if report == Report::default() {
        println!("{} events are as they were released", code.events.len());
    }
    Ok(report)
}

fn tell(event: &str, version: &str, made: &Made) {
    println!("{event} {version} since {}:", made.from);
    for change in &made.changes {
        println!("  {event} {change}");
    }
    if made.is_complete {
        println!("the step in shared/contracts/src/upcast.rs is complete");
    } else {
        println!("write the step in shared/contracts/src/upcast.rs: it fails until then");
    }
    println!("now: UPDATE_EXPECT=1 cargo test -p contracts, and look at the difference");
}

/// Lines may be longer than the formatter has them. It is no failure if there is none.
fn format(folder: &Folder) {
    let formatted = Process::new("rustfmt").arg("--edition=2024").arg(folder.path("src/upcast.rs")).status();
    if !formatted.is_ok_and(|status| status.success()) {
        eprintln!("rustfmt could not be run; run `cargo fmt --all`");
    }
}

fn release(folder: &Folder, code: &Code) -> Result<()> {
    let report = show(folder, code)?;
    ensure!(report.problems.is_empty(), "nothing is released, because of what is said above");
    let mut released = folder.released()?;
    for (event, version) in contracts::schemas::all_committed() {
        if released.record(&folder.version(&event, &version)?)? {
            println!("released {event} {version}");
        }
    }
    folder.write_released(&released)
}
