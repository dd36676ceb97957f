//! Commands in documents.

use super::programs::Programs;

/// Cargo's own commands that documents may name.
const CARGO: [&str; 11] =
    ["bench", "build", "check", "clippy", "deny", "doc", "fmt", "install", "mutants", "run", "test"];
/// Subcommands of `cargo saga` that pass their arguments to another package's program.
const PASSED_TO: [(&str, &str); 3] = [("bench", "loadgen"), ("chaos", "chaos"), ("contracts", "contract-tools")];
/// Flags of every clap program.
const COMMON_FLAGS: [&str; 2] = ["help", "version"];

/// Reports a command of this workspace that does not exist or does not accept these arguments.
pub(super) fn problem(programs: &Programs, command: &str) -> Option<String> {
    let words: Vec<_> = command.split_whitespace().skip_while(|word| is_assignment(word)).collect();
    match words.as_slice() {
        ["cargo", "saga", arguments @ ..] => of_program(programs, "xtask", arguments),
        ["cargo", "sagactl", arguments @ ..]
        | ["sagactl", arguments @ ..]
        | ["docker", "compose", "run", "--rm", "sagactl", arguments @ ..] => of_program(programs, "sagactl", arguments),
        ["cargo", arguments @ ..] => of_cargo(programs, arguments),
        _ => None,
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()))
}

/// A word that may be a subcommand, as opposed to a placeholder, a value or an ellipsis.
fn is_name(word: &str) -> bool {
    !word.starts_with('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

fn of_program(programs: &Programs, package: &str, arguments: &[&str]) -> Option<String> {
    let program = programs.get(package)?;
    let mut names = arguments.iter().filter(|word| !word.starts_with('-'));
    let mut passed_to = None;
    if let Some(first) = names.next().filter(|word| is_name(word) || word.contains('|')) {
        for name in first.split('|') {
            let Some(is_nested) = program.commands.get(name) else {
                return Some(format!("`{package}` has no command `{name}`"));
            };
            passed_to = PASSED_TO.iter().find(|(command, _)| package == "xtask" && *command == name);
            let nested = passed_to.and_then(|(_, package)| programs.get(package)).unwrap_or(program);
            let takes_commands = *is_nested || name == "contracts";
            let second = names.next().filter(|word| takes_commands && (is_name(word) || word.contains('|')));
            for nested_name in second.into_iter().flat_map(|second| second.split('|')) {
                if !nested.commands.contains_key(nested_name) {
                    return Some(format!("`{package} {name}` has no command `{nested_name}`"));
                }
            }
        }
    }
    let others = passed_to.and_then(|(_, package)| programs.get(package));
    // Arguments after `--` that no program of this workspace reads.
    let own = arguments.iter().take_while(|word| **word != "--" || others.is_some());
    let flags = own.filter_map(|word| word.strip_prefix("--")).filter(|flag| !flag.is_empty());
    let mut names = flags.map(|flag| flag.split('=').next().unwrap_or(flag));
    let is_known = |flag: &str| {
        COMMON_FLAGS.contains(&flag)
            || program.flags.contains(flag)
            || others.is_some_and(|other| other.flags.contains(flag))
    };
    names.find(|flag| !is_known(flag)).map(|flag| format!("`{package}` has no flag `--{flag}`"))
}

fn of_cargo(programs: &Programs, arguments: &[&str]) -> Option<String> {
    let (first, rest) = arguments.split_first()?;
    if !CARGO.contains(first) && is_name(first) {
        return Some(format!("cargo has no command `{first}` here"));
    }
    let mut package = None;
    for pair in rest.windows(2).filter(|pair| ["-p", "--package"].contains(&pair[0])) {
        if is_name(pair[1]) && programs.get(pair[1]).is_none() {
            return Some(format!("there is no package `{}`", pair[1]));
        }
        package = Some(pair[1]);
    }
    let (program, after) = (programs.get(package?)?, rest.iter().skip_while(|word| **word != "--").skip(1));
    let flags = after.filter_map(|word| word.strip_prefix("--"));
    let unknown =
        flags.filter(|flag| *first == "run" && !program.flags.contains(*flag) && !COMMON_FLAGS.contains(flag));
    unknown.map(|flag| format!("package `{}` has no flag `--{flag}`", package.unwrap_or_default())).next()
}
