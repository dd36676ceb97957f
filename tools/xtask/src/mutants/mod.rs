//! Mutation tests of the deciders and policies: cargo-mutants changes one thing in them at a time, and a test must notice.
//!
//! Each mutant meets the unit tests of its own package first, which takes seconds; what survives meets the model of the whole
//! saga. What survives that, too, must be justified in `tests/verification/mutants/survivors.toml`, and nothing else may be in there.
//! Which files are mutated is said in `.cargo/mutants.toml`.

mod cargo_mutants;
mod justified;
mod outcomes;
mod summary;

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::progress::Progress;
use crate::requirements;
use crate::workspace::Workspace;
use cargo_mutants::{CargoMutants, Tests};
use justified::Justified;
use outcomes::{Fate, Mutant};
use summary::Summary;

/// The file with the survivors that don't matter, and why.
const JUSTIFIED: &str = "tests/verification/mutants/survivors.toml";

/// Two runs at once would change the same files.
const ALONE: Duration = Duration::from_secs(1);

/// Runs all mutants of these packages, or of all, and prints what became of them. Returns 0 if every survivor is justified and
/// every justification is needed, else 1.
///
/// The files are changed in place, one at a time, and restored, also when this is interrupted.
///
/// # Errors
/// When cargo-mutants can't be installed or run, a test fails without any mutant, or the file of survivors can't be read.
pub fn run(workspace: &Workspace, packages: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    let _lock = workspace.lock("mutants", ALONE)?;
    let justified = Justified::read(&workspace.root().join(JUSTIFIED))?;
    let cargo_mutants = CargoMutants::prepare(workspace, progress)?;
    let started = Instant::now();
    let fates = meet_tests(&cargo_mutants, packages, progress)?;
    println!("\n{}", Summary::of(&fates, started.elapsed()));
    let complaints = justified.complaints(&fates, packages.is_empty());
    for complaint in &complaints {
        println!("✘ {complaint}");
    }
    if complaints.is_empty() {
        println!("✔ every survivor is justified in {JUSTIFIED}, and nothing else is");
    }
    Ok(u8::from(!complaints.is_empty()))
}

/// The unit tests, then the model for what they leave.
fn meet_tests(cargo_mutants: &CargoMutants, packages: &[String], progress: Progress) -> Result<Vec<(Mutant, Fate)>> {
    progress.say("… every mutant meets the unit tests of its package");
    let of_unit_tests = cargo_mutants.run(packages, Tests::OfUnit)?;
    let left = outcomes::survivors(&of_unit_tests);
    let mut of_model = vec![];
    if left > 0 {
        progress.say(&format!("… {left} left: what survived the unit tests meets the model"));
        of_model = cargo_mutants.run(packages, Tests::OfModel)?;
    }
    Ok(outcomes::fates(of_unit_tests, of_model))
}
