//! Follows every schedule of the saga, and tells how many worlds there are.

use std::process::ExitCode;

use clap::Parser;
use model::bounds;

/// Follows the saga in every order in which things can happen; a violation is told by the shortest way to it.
#[derive(Parser)]
struct Arguments {
    /// Go further than the tests do: takes minutes and gigabytes.
    #[arg(long)]
    deep: bool,
}

fn main() -> ExitCode {
    let Arguments { deep } = Arguments::parse();
    for bound in if deep { bounds::deep() } else { bounds::standard() } {
        match bound.explore() {
            Ok(report) => println!("{report}"),
            Err(broken) => {
                eprintln!("{broken}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
