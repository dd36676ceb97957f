//! Names of test functions: `subject_behaviour_when_condition`.

use std::sync::LazyLock;

use regex::Regex;

use crate::{Finding, Repository};

const LENGTH_MAX: usize = 60;
/// Words that make a test name vague: it must state a subject and its behaviour.
const BANNED: [&str; 4] = ["told", "what", "who", "whom"];

static TEST: LazyLock<Regex> = LazyLock::new(|| {
    // Further attributes and comments may stand between `#[test]` and the function.
    let pattern = r"#\[(?:\w+::)*test(?:\([^\]]*\))?\]\s*(?:(?:#\[[^\n]*\]|//[^\n]*)\s*)*(?:pub )?(?:async )?fn (\w+)";
    Regex::new(pattern).expect("valid pattern")
});

/// Finds test names that are too long or contain a banned word.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in repository.rust_files() {
        for found in TEST.captures_iter(&file.text) {
            let name = found.get(1).expect("the pattern has a group");
            let line = file.text[..name.start()].matches('\n').count() + 1;
            if let Some(problem) = problem(name.as_str()) {
                findings.push(Finding::new(&file.path, line, format!("test `{}` {problem}", name.as_str())));
            }
        }
    }
    findings
}

fn problem(name: &str) -> Option<String> {
    if name.len() > LENGTH_MAX {
        return Some(format!("has {} characters, maximum {LENGTH_MAX}", name.len()));
    }
    let banned = name.split('_').find(|word| BANNED.contains(word))?;
    Some(format!("contains the word `{banned}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_is_none_for_a_short_plain_name() {
        assert_eq!(problem("cancelling_twice_is_idempotent"), None);
    }

    #[test]
    fn problem_names_the_banned_word() {
        assert_eq!(problem("the_caller_is_told").as_deref(), Some("contains the word `told`"));
    }

    #[test]
    fn problem_names_the_length() {
        assert_eq!(problem(&"a".repeat(61)).as_deref(), Some("has 61 characters, maximum 60"));
    }

    #[test]
    fn pattern_finds_names_behind_further_attributes() {
        let text = "#[tokio::test(flavor = \"multi_thread\")]\n#[ignore = \"slow\"]\nasync fn it_works() {}";
        assert_eq!(&TEST.captures(text).expect("a match")[1], "it_works");
    }
}
