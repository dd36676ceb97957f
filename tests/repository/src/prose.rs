//! The mechanical rules of `docs/style.md`.

mod text;

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::{Finding, Repository};

static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(What|How|When|Where|Whether|Why|Who|Whom|Whose|Which|That)\b").expect("valid pattern")
});

/// Finds doc comments that open with a question word instead of a noun phrase or a third-person verb.
pub fn openings(repository: &Repository) -> Vec<Finding> {
    let comments = repository.rust_files().flat_map(text::doc_comments);
    let found = comments.filter_map(|comment| {
        let word = OPENING.find(&comment.text)?;
        Some(Finding::new(comment.path, comment.line, format!("the doc comment opens with `{}`", word.as_str())))
    });
    found.collect()
}

#[derive(Deserialize)]
struct Turns {
    turn: Vec<Turn>,
}

#[derive(Deserialize)]
struct Turn {
    pattern: String,
    unless: Option<String>,
    instead: String,
}

/// A turn to avoid, compiled.
struct Banned {
    pattern: Regex,
    unless: Option<Regex>,
    instead: String,
}

static BANNED: LazyLock<Vec<Banned>> = LazyLock::new(|| {
    let turns: Turns = toml::from_str(include_str!("../turns.toml")).expect("valid list of turns");
    let compile = |pattern: &str| Regex::new(pattern).expect("valid pattern");
    let banned = turns.turn.into_iter().map(|turn| Banned {
        pattern: compile(&turn.pattern),
        unless: turn.unless.as_deref().map(compile),
        instead: turn.instead,
    });
    banned.collect()
});

/// Finds turns of phrase that the style page rules out.
pub fn turns(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &repository.files {
        for passage in text::passages(file) {
            for turn in BANNED.iter() {
                for found in turn.pattern.find_iter(&passage.text) {
                    if turn.unless.as_ref().is_some_and(|unless| unless.is_match(found.as_str())) {
                        continue;
                    }
                    let message = format!("`{}`: {}", found.as_str(), turn.instead);
                    findings.push(Finding::new(&file.path, passage.line_at(found.start()), message));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_banned(text: &str) -> bool {
        let matches = |turn: &Banned| {
            let mut found = turn.pattern.find_iter(text);
            found.any(|found| !turn.unless.as_ref().is_some_and(|unless| unless.is_match(found.as_str())))
        };
        BANNED.iter().any(matches)
    }

    #[test]
    fn turns_are_found_in_sentences() {
        let sentences = [
            concat!("The client is ", "told."),
            concat!("It keeps them for ", "ever."),
            concat!("This is ", "no answer."),
            concat!("It waits, for the broker ", "is down."),
            concat!("The task goes ", "on."),
        ];
        for sentence in sentences {
            assert!(is_banned(sentence), "{sentence}");
        }
    }

    #[test]
    fn turns_spare_plain_english() {
        let sentences = [
            "There is no orchestrator.",
            "It is no longer needed.",
            "The relay waits, for example after a restart.",
            "Retries forever, because the broker is unavailable.",
        ];
        for sentence in sentences {
            assert!(!is_banned(sentence), "{sentence}");
        }
    }

    #[test]
    fn openings_are_whole_words() {
        assert!(OPENING.is_match("What is known"));
        assert!(!OPENING.is_match("Whatever the order"));
    }
}
