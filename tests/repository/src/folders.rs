//! Folder sizes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Finding, Repository};

/// Maximum source files side by side in one folder.
const FILES_MAX: usize = 15;
/// Maximum files and folders at the top of the runtime's sources, where a reader gets an overview.
const RUNTIME_ENTRIES_MAX: usize = 12;
const RUNTIME_SOURCES: &str = "shared/runtime/src/";
const SOURCE_EXTENSIONS: [&str; 6] = ["rs", "py", "mjs", "ts", "tsx", "sh"];

/// Finds folders with too many source files for an overview.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for file in repository.files.iter().filter(|file| SOURCE_EXTENSIONS.contains(&file.extension())) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        *folders.entry(folder).or_default() += 1;
    }
    let too_large = folders.into_iter().filter(|(_, count)| *count > FILES_MAX);
    let message = |count| format!("{count} source files side by side, maximum {FILES_MAX}");
    let mut findings: Vec<_> =
        too_large.map(|(folder, count)| Finding::new(&format!("{folder}/"), 0, message(count))).collect();

    let inside = repository.paths.iter().filter_map(|path| path.strip_prefix(RUNTIME_SOURCES));
    let entries: BTreeSet<_> = inside.map(|path| path.split('/').next().unwrap_or(path)).collect();
    if entries.len() > RUNTIME_ENTRIES_MAX {
        let message = format!("{} entries, maximum {RUNTIME_ENTRIES_MAX}", entries.len());
        findings.push(Finding::new(RUNTIME_SOURCES, 0, message));
    }
    findings
}
