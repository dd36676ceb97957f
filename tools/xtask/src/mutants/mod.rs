//! Mutation tests of the deciders and policies: cargo-mutants changes one thing in them at a time, and a test must
//! notice.
//!
//! The unit tests of the mutated package run first, which takes seconds; for survivors, the model of the whole saga.
//! Mutants that survive both must be justified in `tests/verification/mutants/survivors.toml`, which has no other
//! entries. `.cargo/mutants.toml` selects the mutated files.

mod cargo_mutants;
mod justified;
mod outcomes;
mod summary;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use catalog::ServiceName;

use crate::build::requirements;
use crate::build::workspace::Workspace;
use crate::progress::Progress;
use cargo_mutants::{CargoMutants, Tests};
use justified::Justified;
use outcomes::{Mutant, MutantResult};
use summary::ResultCounts;

/// The file of justified survivors.
const JUSTIFIED: &str = "tests/verification/mutants/survivors.toml";

/// Short, because two concurrent runs would change the same files.
const ALONE: Duration = Duration::from_secs(1);

/// The package that this commit hash picks: the same one in every run of that commit.
///
/// # Errors
/// The hash does not begin with eight hexadecimal digits.
pub fn pick(hash: &str) -> Result<String> {
    let digits = hash.get(..8).with_context(|| format!("invalid commit hash {hash}"))?;
    let number = u32::from_str_radix(digits, 16).with_context(|| format!("invalid commit hash {hash}"))?;
    let mutated: Vec<&str> = ServiceName::all().map(ServiceName::name).chain(["decider"]).collect();
    Ok(mutated[usize::try_from(number)? % mutated.len()].to_owned())
}

/// Runs all mutants of these packages, or of all, and prints their results. Returns 0 if every survivor is justified
/// and every justification is needed, else 1.
///
/// The files are changed in place, one at a time, and restored, also when this is interrupted.
///
/// # Errors
/// cargo-mutants cannot be installed or run, a test fails without any mutant, or the file of survivors cannot be
/// read.
pub fn run(workspace: &Workspace, packages: &[String], progress: Progress) -> Result<u8> {
    requirements::ensure(workspace, &requirements::FOR_BUILDING, progress)?;
    let _lock = workspace.lock("mutants", ALONE)?;
    let justified = Justified::read(&workspace.root().join(JUSTIFIED))?;
    let cargo_mutants = CargoMutants::prepare(workspace, progress)?;
    let started = Instant::now();
    let results = meet_tests(&cargo_mutants, packages, progress)?;
    println!("\n{}", ResultCounts::of(&results, started.elapsed()));
    let complaints = justified.complaints(&results, packages.is_empty());
    for complaint in &complaints {
        println!("✘ {complaint}");
    }
    if complaints.is_empty() {
        println!("✔ every survivor is justified in {JUSTIFIED}, and nothing else is");
    }
    Ok(u8::from(!complaints.is_empty()))
}

/// Runs the unit tests, then the model for survivors.
fn meet_tests(
    cargo_mutants: &CargoMutants,
    packages: &[String],
    progress: Progress,
) -> Result<Vec<(Mutant, MutantResult)>> {
    progress.print("… testing every mutant with the unit tests of its package");
    let of_unit_tests = cargo_mutants.run(packages, Tests::OfUnit)?;
    let left = outcomes::survivors(&of_unit_tests);
    let mut of_model = vec![];
    if left > 0 {
        progress.print(&format!("… {left} survivors of the unit tests: testing them with the model"));
        of_model = cargo_mutants.run(packages, Tests::OfModel)?;
    }
    Ok(outcomes::results(of_unit_tests, of_model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pick_depends_on_the_hash_alone() {
        assert_eq!(pick("00000001aa").unwrap(), "inventory");
        assert_eq!(pick("00000001bb").unwrap(), "inventory");
        assert_eq!(pick("00000004").unwrap(), "decider");
        assert!(pick("HEAD").is_err());
    }
}
