//! What is found, as tables for people or as JSON for programs.

use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use serde::Serialize;

/// How to write what was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: one document; `watch` writes one for each line.
    Json,
}

/// Something that is a row of a table, and an object in JSON.
pub(crate) trait Row: Serialize {
    /// The columns' titles.
    const HEADER: &'static [&'static str];
    /// The columns with numbers, which are aligned at their right.
    const NUMBERS: &'static [usize] = &[];
    /// A cell for each title.
    fn cells(&self) -> Vec<String>;
}

/// Where findings are written: standard output. A closed pipe is an error like others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Rows; `none` is said in place of a table without any.
    pub(crate) fn rows<R: Row>(self, rows: &[R], none: &str) -> io::Result<()> {
        match self.format {
            Format::Json => json(&rows),
            Format::Table if rows.is_empty() => text(none),
            Format::Table => text(&table(rows)),
        }
    }

    /// One thing: a text for people, which is only made if it is wanted, or a document.
    pub(crate) fn one(self, thing: &impl Serialize, words: impl FnOnce() -> String) -> io::Result<()> {
        match self.format {
            Format::Json => json(thing),
            Format::Table => text(&words()),
        }
    }

    /// A line in the middle of others, at once.
    pub(crate) fn line(self, thing: &impl Serialize, words: impl FnOnce() -> String) -> io::Result<()> {
        match self.format {
            Format::Json => text(&serde_json::to_string(thing)?),
            Format::Table => text(&words()),
        }
    }
}

fn json(thing: &impl Serialize) -> io::Result<()> {
    text(&serde_json::to_string_pretty(thing)?)
}

fn text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end())?;
    stdout.flush()
}

/// A table with a rule below its header and nothing else, so that its lines can be cut and searched.
pub(crate) fn table<R: Row>(rows: &[R]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(R::HEADER);
    table.add_rows(rows.iter().map(Row::cells));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(index + 1 < R::HEADER.len())));
        if R::NUMBERS.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Lines for the header alone, and two spaces between columns: one is a column's, one is between them.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none().junction(' '));

/// A text in the middle of a table: one line, and not too long.
pub(crate) fn short(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(chars) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Count {
        what: &'static str,
        count: u32,
    }

    impl Row for Count {
        const HEADER: &'static [&'static str] = &["what", "count"];
        const NUMBERS: &'static [usize] = &[1];

        fn cells(&self) -> Vec<String> {
            vec![self.what.to_owned(), self.count.to_string()]
        }
    }

    #[test]
    fn a_table_has_a_header_and_aligned_columns() {
        let rows = [Count { what: "records", count: 7 }, Count { what: "ü", count: 12345 }];
        assert_eq!(table(&rows), "what     count\n──────────────\nrecords      7\nü        12345");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(short("one\n  two", 20), "one two");
        assert_eq!(short("äöü", 2), "äö…");
    }
}
