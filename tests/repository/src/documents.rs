//! Paths, links, commands, flags and variables that documents name.

mod commands;
mod links;
mod mentions;
mod paths;
mod programs;
mod variables;

use crate::{Finding, Repository, repository::SourceFile};
use mentions::Mentions;

/// Documents about the present. The change log also names the past, and decision records name what was replaced.
fn documents(repository: &Repository) -> impl Iterator<Item = &SourceFile> {
    let documents = repository.files.iter().filter(|file| file.extension() == "md");
    documents.filter(|file| file.path != "CHANGELOG.md" && !file.path.starts_with("docs/adr/"))
}

/// Finds names in documents that do not exist in the repository.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let known_paths = paths::KnownPaths::of(repository);
    let programs = programs::Programs::of(repository);
    let variables = variables::known(repository);
    let mut findings = Vec::new();
    for file in documents(repository) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mentions = Mentions::of(&file.text);
        let mut add = |line, problem: String| findings.push(Finding::new(&file.path, line, problem));
        for (line, target) in &mentions.links {
            if let Some(problem) = links::problem(repository, &file.path, target) {
                add(*line, problem);
            }
        }
        for (line, command) in &mentions.commands {
            let words = command.split_whitespace().filter_map(|word| known_paths.problem(folder, word));
            words.chain(commands::problem(&programs, command)).for_each(|problem| add(*line, problem));
        }
        for (line, span) in &mentions.spans {
            let whole = known_paths.problem(folder, span);
            whole.into_iter().chain(commands::problem(&programs, span)).for_each(|problem| add(*line, problem));
        }
        for (line, code) in mentions.spans.iter().chain(&mentions.commands).chain(&mentions.blocks) {
            variables::unknown(&variables, code).for_each(|problem| add(*line, problem));
        }
    }
    findings
}
