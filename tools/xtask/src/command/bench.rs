//! Runs the load generator, a separate crate: it links a Kafka client, and this command must compile quickly.

mod comparison;
mod other_commit;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::build::workspace::Workspace;
use crate::build::{compile, requirements};
use crate::process::tool;
use crate::progress::Progress;
use comparison::{Comparison, MeasuredRun};
use other_commit::OtherCommit;

/// The load generator's package and binary.
const LOADGEN: &str = "loadgen";

/// Longer than the longest measurement.
const MEASURING: Duration = Duration::from_hours(6);

/// Builds everything optimized and runs the load generator with these arguments; its output is passed through. Returns
/// its exit code.
///
/// # Errors
/// Something cannot be built or run.
pub fn run(workspace: &Workspace, arguments: &[String], progress: Progress) -> Result<u8> {
    build(workspace, progress)?;
    let mut command = Command::new(loadgen(workspace));
    command.args(arguments);
    tool::run_shown(LOADGEN, command, MEASURING)
}

/// Measures the services of another commit and those of this checkout in turns, with the load generator of this
/// checkout, and prints the comparison.
///
/// # Errors
/// Something cannot be built, or a measurement fails: the services of a commit whose APIs or events differ too much cannot
/// be measured.
pub fn compare(
    workspace: &Workspace,
    commit: &str,
    rounds: u8,
    arguments: &[String],
    progress: Progress,
) -> Result<u8> {
    build(workspace, progress)?;
    let other = OtherCommit::check_out(workspace, commit)?;
    let binaries = [other.build(progress)?, workspace.target().join("release")];
    let names = [other.name().to_owned(), "this checkout".to_owned()];
    let dir = workspace.run_dir("bench-compare")?;
    let mut comparison = Comparison::of(names.clone());
    for round in 1..=rounds {
        for (side, binaries) in binaries.iter().enumerate() {
            let step = progress.step(format!("round {round} of {rounds}: measuring {}", names[side]));
            let runs = measure(workspace, binaries, arguments, &dir.join(format!("{round}-{side}")))
                .with_context(|| format!("failed to measure {}", names[side]))?;
            comparison.add(side, runs);
            step.done(&format!("round {round} of {rounds}: measured {}", names[side]));
        }
    }
    println!("\n{comparison}");
    Ok(0)
}

fn build(workspace: &Workspace, progress: Progress) -> Result<()> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    compile::services_and(workspace, &[LOADGEN], true, progress)
}

fn loadgen(workspace: &Workspace) -> PathBuf {
    workspace.target().join("release").join(LOADGEN)
}

/// Runs the load generator with the services in `binaries`. Its output and its figures are files beside `output`.
fn measure(workspace: &Workspace, binaries: &Path, arguments: &[String], output: &Path) -> Result<Vec<MeasuredRun>> {
    let (log, json) = (output.with_extension("log"), output.with_extension("json"));
    let mut command = Command::new(loadgen(workspace));
    command.arg("--binaries").arg(binaries).arg("--json").arg(&json).args(arguments);
    let code = tool::run_logged(LOADGEN, command, &log, MEASURING)?;
    ensure!(code == 0, "the load generator failed with exit code {code}; see {}", log.display());
    let text = fs::read_to_string(&json).with_context(|| format!("failed to read {}", json.display()))?;
    comparison::read(&text).with_context(|| format!("invalid content of {}", json.display()))
}
