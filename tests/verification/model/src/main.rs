//! Explores every schedule of the saga and prints the number of states.

use std::process::ExitCode;

use clap::Parser;
use model::bounds;

/// Explores every schedule of the saga. A violation is reported with the shortest schedule that leads to it.
#[derive(Parser)]
struct Arguments {
    /// Explore beyond the bounds of the tests. Takes minutes and gigabytes.
    #[arg(long)]
    deep: bool,
}

fn main() -> ExitCode {
    let Arguments { deep } = Arguments::parse();
    for bound in if deep { bounds::deep() } else { bounds::standard() } {
        match bound.explore() {
            Ok(report) => println!("{report}"),
            Err(violation) => {
                eprintln!("{violation}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
