//! Code spans, links and console commands of a Markdown document.

use std::sync::LazyLock;

use regex::Regex;

static SPAN: LazyLock<Regex> = LazyLock::new(|| Regex::new("`([^`]+)`").expect("valid pattern"));
static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^)\s]+)\)").expect("valid pattern"));

/// Texts of a document that may name a path, command, flag or variable, each with its line.
#[derive(Default)]
pub(super) struct Mentions {
    pub(super) spans: Vec<(usize, String)>,
    pub(super) links: Vec<(usize, String)>,
    /// Lines after a `$` prompt, joined where they end with a backslash, without comments.
    pub(super) commands: Vec<(usize, String)>,
    /// Other lines in fenced blocks.
    pub(super) blocks: Vec<(usize, String)>,
}

impl Mentions {
    pub(super) fn of(text: &str) -> Self {
        let mut mentions = Self::default();
        let mut is_fenced = false;
        let mut continues = false;
        for (line, number) in text.lines().zip(1..) {
            if line.trim_start().starts_with("```") {
                is_fenced = !is_fenced;
                continues = false;
            } else if is_fenced {
                continues = mentions.add_fenced(line, number, continues);
            } else {
                let first = |pattern: &Regex| -> Vec<_> {
                    pattern.captures_iter(line).map(|found| (number, found[1].to_owned())).collect()
                };
                mentions.spans.extend(first(&SPAN));
                mentions.links.extend(first(&LINK));
            }
        }
        mentions
    }

    /// Returns whether the next line continues a command.
    fn add_fenced(&mut self, line: &str, number: usize, continues: bool) -> bool {
        let (command, is_first) = match line.trim_start().strip_prefix("$ ") {
            Some(command) => (command, true),
            None if continues => (line, false),
            None => {
                self.blocks.push((number, line.to_owned()));
                return false;
            }
        };
        let command = command.split(" #").next().unwrap_or(command).trim();
        let (command, goes_further) = command.strip_suffix('\\').map_or((command, false), |command| (command, true));
        match self.commands.last_mut() {
            Some((_, before)) if !is_first => {
                before.push(' ');
                before.push_str(command);
            }
            _ => self.commands.push((number, command.to_owned())),
        }
        goes_further
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_joined_and_lose_their_comments() {
        let mentions = Mentions::of("```console\n$ cargo saga run \\\n    --exit   # ends by itself\noutput\n```\n");
        let commands: Vec<_> = mentions.commands[0].1.split_whitespace().collect();
        assert_eq!(commands, ["cargo", "saga", "run", "--exit"]);
        assert_eq!(mentions.blocks, [(4, "output".to_owned())]);
    }

    #[test]
    fn spans_and_links_keep_their_line() {
        let mentions = Mentions::of("text\n`a/b.rs` and [c](d.md#e)\n");
        assert_eq!(mentions.spans, [(2, "a/b.rs".to_owned())]);
        assert_eq!(mentions.links, [(2, "d.md#e".to_owned())]);
    }
}
