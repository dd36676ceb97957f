//! The file of justified survivors, which must agree with the results of the tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::outcomes::{Mutant, MutantResult};

/// Content of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Justified {
    #[serde(default, rename = "survivor")]
    survivors: Vec<Survivor>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Survivor {
    /// Name printed by cargo-mutants, without line and column. Two mutants of the same name need two entries.
    mutant: String,
    /// The justification.
    because: String,
}

impl Justified {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or an entry has no justification.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("invalid file {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let read: Self = toml::from_str(text)?;
        for Survivor { mutant, because } in &read.survivors {
            ensure!(!because.trim().is_empty(), "no justification: {mutant}");
        }
        Ok(read)
    }

    /// Differences between the tests and the file. If only some packages ran, entries about other files are ignored.
    pub(super) fn complaints(&self, results: &[(Mutant, MutantResult)], all_ran: bool) -> Vec<String> {
        let mut listed = BTreeMap::<&str, usize>::new();
        for survivor in &self.survivors {
            *listed.entry(&survivor.mutant).or_default() += 1;
        }
        let mut complaints = vec![];
        for (mutant, _) in results.iter().filter(|(_, result)| *result == MutantResult::Survived) {
            match listed.get_mut(mutant.name_without_place().as_str()) {
                Some(left @ 1..) => *left -= 1,
                _ => complaints.push(format!("no test notices {}", mutant.name)),
            }
        }
        let ran =
            |name: &str| all_ran || results.iter().any(|(mutant, _)| name.starts_with(&format!("{}:", mutant.file)));
        for (name, _) in listed.into_iter().filter(|(name, left)| *left > 0 && ran(name)) {
            complaints.push(format!("listed as a survivor, but {}: {name}", what_became_of(name, results)));
        }
        complaints
    }
}

/// The result of a mutant that is listed more often than it survived.
fn what_became_of(name: &str, results: &[(Mutant, MutantResult)]) -> &'static str {
    let found = results
        .iter()
        .rfind(|(mutant, result)| mutant.name_without_place() == name && *result != MutantResult::Survived);
    match found {
        Some((_, MutantResult::KilledByUnitTests)) => "the unit tests kill it",
        Some((_, MutantResult::KilledByModel)) => "the model kills it",
        Some((_, MutantResult::Unviable)) => "it does not compile",
        Some((_, MutantResult::Survived)) | None => "there is no such mutant (any more, or so often)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "services/order/src/decider.rs";

    fn justified(names: &[&str]) -> Justified {
        let entry =
            |name: &&str| format!("[[survivor]]\nmutant = \"{FILE}: {name}\"\nbecause = \"it means the same\"\n");
        Justified::parse(&names.iter().map(entry).collect::<String>()).expect("a good file")
    }

    fn result(line: u32, change: &str, result: MutantResult) -> (Mutant, MutantResult) {
        (Mutant { name: format!("{FILE}:{line}:9: {change}"), file: FILE.into() }, result)
    }

    #[test]
    fn matching_file_has_no_complaints() {
        let results = [
            result(1, "delete ! in a", MutantResult::Survived),
            result(2, "delete ! in b", MutantResult::KilledByUnitTests),
            result(3, "delete ! in c", MutantResult::KilledByModel),
            result(4, "delete ! in d", MutantResult::Unviable),
        ];
        assert_eq!(justified(&["delete ! in a"]).complaints(&results, true), [""; 0]);
        assert_eq!(justified(&[]).complaints(&results[1..], true), [""; 0]);
    }

    #[test]
    fn unlisted_survivor_is_reported_with_its_place() {
        let results = [result(7, "delete ! in a", MutantResult::Survived)];
        assert_eq!(justified(&[]).complaints(&results, true), [format!("no test notices {FILE}:7:9: delete ! in a")]);
    }

    #[test]
    fn listed_mutants_must_survive() {
        let complaint =
            |results: &[(Mutant, MutantResult)]| justified(&["delete ! in a"]).complaints(results, true).join("\n");
        let listed = |what: &str| format!("listed as a survivor, but {what}: {FILE}: delete ! in a");
        assert_eq!(
            complaint(&[result(1, "delete ! in a", MutantResult::KilledByUnitTests)]),
            listed("the unit tests kill it")
        );
        assert_eq!(complaint(&[result(1, "delete ! in a", MutantResult::KilledByModel)]), listed("the model kills it"));
        assert_eq!(complaint(&[result(1, "delete ! in a", MutantResult::Unviable)]), listed("it does not compile"));
        assert_eq!(complaint(&[]), listed("there is no such mutant (any more, or so often)"));
    }

    #[test]
    fn mutants_of_one_name_need_one_entry_each() {
        let twice =
            [result(1, "delete ! in a", MutantResult::Survived), result(2, "delete ! in a", MutantResult::Survived)];
        assert_eq!(justified(&["delete ! in a"]).complaints(&twice, true).len(), 1);
        assert_eq!(justified(&["delete ! in a", "delete ! in a"]).complaints(&twice, true), [""; 0]);
        assert_eq!(justified(&["delete ! in a", "delete ! in a"]).complaints(&twice[1..], true).len(), 1);
    }

    #[test]
    fn entries_of_other_packages_are_ignored_in_partial_runs() {
        let other = (
            Mutant {
                name: "services/payment/src/decider.rs:1:1: x".into(),
                file: "services/payment/src/decider.rs".into(),
            },
            MutantResult::KilledByModel,
        );
        assert_eq!(justified(&["delete ! in a"]).complaints(std::slice::from_ref(&other), false), [""; 0]);
        assert_eq!(justified(&["delete ! in a"]).complaints(&[other], true).len(), 1);
    }

    #[test]
    fn survivor_without_a_justification_is_rejected() {
        assert!(Justified::parse("[[survivor]]\nmutant = \"a.rs: delete !\"\nbecause = \" \"\n").is_err());
        assert!(Justified::parse("[[survivor]]\nmutant = \"a.rs: delete !\"\n").is_err());
    }

    #[test]
    fn file_of_this_repository_is_valid() {
        let workspace = crate::Workspace::find().expect("this is a workspace");
        Justified::read(&workspace.root().join(super::super::JUSTIFIED)).expect("a good file");
    }
}
