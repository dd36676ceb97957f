//! Prose of a file, joined over line breaks.

use std::sync::LazyLock;

use regex::Regex;

use crate::repository::SourceFile;

/// Files whose purpose is to list banned turns.
const EXEMPT: [&str; 1] = ["tests/repository/turns.toml"];
/// Extensions of files that people write. Generated JSON and lock files are not among them.
const EXTENSIONS: [&str; 11] = ["rs", "md", "yml", "yaml", "sh", "py", "mjs", "toml", "ts", "tsx", "properties"];
const NAMES: [&str; 2] = [".ci/run", "deploy/docker/Dockerfile"];

static CODE_SPAN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`[^`\n]+`").expect("valid pattern"));
static COMMENT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s*(//[/!]?|#+!?)\s?").expect("valid pattern"));

/// Consecutive lines of one kind, joined with spaces.
pub(super) struct Passage {
    pub(super) text: String,
    /// Start of each line in the text, with its number.
    starts: Vec<(usize, usize)>,
}

impl Passage {
    /// Line number of a position in the text.
    pub(super) fn line_at(&self, position: usize) -> usize {
        let before = self.starts.iter().rev().find(|(start, _)| *start <= position);
        before.map_or(1, |(_, line)| *line)
    }

    fn push(&mut self, line: &str, number: usize) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.starts.push((self.text.len(), number));
        self.text.push_str(line.trim());
    }
}

/// Comment blocks and single lines of code, or the paragraphs of a document.
pub(super) fn passages(file: &SourceFile) -> Vec<Passage> {
    let is_prose = EXTENSIONS.contains(&file.extension()) || NAMES.contains(&file.path.as_str());
    if !is_prose || EXEMPT.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let is_document = file.extension() == "md";
    let mut passages: Vec<Passage> = Vec::new();
    let mut is_open = false;
    for (line, number) in file.text.lines().zip(1..) {
        let comment = if is_document { None } else { COMMENT.find(line) };
        let joins = is_document || comment.is_some();
        // A code span in a document is a quotation.
        let text = match comment {
            Some(mark) => line[mark.end()..].to_owned(),
            None if is_document => CODE_SPAN.replace_all(line, "`_`").into_owned(),
            None => line.to_owned(),
        };
        if text.trim().is_empty() {
            is_open = false;
            continue;
        }
        if !(joins && is_open) {
            passages.push(Passage { text: String::new(), starts: Vec::new() });
        }
        passages.last_mut().expect("one was just added").push(&text, number);
        is_open = joins;
    }
    passages
}

/// The first line of a doc comment.
pub(super) struct DocComment<'a> {
    pub(super) path: &'a str,
    pub(super) line: usize,
    pub(super) text: String,
}

/// First lines of all doc comments of a Rust file.
pub(super) fn doc_comments(file: &SourceFile) -> Vec<DocComment<'_>> {
    let mut comments = Vec::new();
    let mut is_inside = false;
    for (line, line_number) in file.text.lines().zip(1..) {
        let trimmed = line.trim_start();
        let text = trimmed.strip_prefix("///").or_else(|| trimmed.strip_prefix("//!"));
        if let (Some(text), false) = (text, is_inside) {
            comments.push(DocComment { path: &file.path, line: line_number, text: text.trim().to_owned() });
        }
        is_inside = text.is_some();
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn passages_join_comment_lines_and_keep_line_numbers() {
        let source = file("a.rs", "fn a() {}\n// one\n// two\nfn b() {}\n");
        let passages = passages(&source);
        assert_eq!(passages[1].text, "one two");
        assert_eq!(passages[1].line_at(4), 3);
    }

    #[test]
    fn passages_drop_code_spans_of_documents() {
        assert_eq!(passages(&file("a.md", "A `told` word"))[0].text, "A `_` word");
    }

    #[test]
    fn doc_comments_are_found_once_each() {
        let source = file("a.rs", "/// One.\n/// Two.\nfn a() {}\n/// Three.\nfn b() {}\n");
        let texts: Vec<_> = doc_comments(&source).into_iter().map(|comment| comment.text).collect();
        assert_eq!(texts, ["One.", "Three."]);
    }
}
