//! Output: tables for people, JSON for programs.

use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use serde::Serialize;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Tables and text for people.
    #[default]
    Table,
    /// One JSON document; `orders watch` writes one per line.
    Json,
}

/// A row of a table, and an object in JSON.
pub(crate) trait TableRow: Serialize {
    /// Column titles.
    const HEADER: &'static [&'static str];
    /// Indexes of the columns that are aligned right.
    const NUMBERS: &'static [usize] = &[];
    /// One cell per column.
    fn cells(&self) -> Vec<String>;
}

/// Writer to standard output. A closed pipe is returned as an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: OutputFormat,
}

impl Output {
    pub(crate) fn new(format: OutputFormat) -> Self {
        Self { format }
    }

    /// Writes rows, or the text `none` instead of an empty table.
    pub(crate) fn rows<R: TableRow>(self, rows: &[R], none: &str) -> io::Result<()> {
        match self.format {
            OutputFormat::Json => json(&rows),
            OutputFormat::Table if rows.is_empty() => text(none),
            OutputFormat::Table => text(&table(rows)),
        }
    }

    /// Writes one document. `words` renders it for people.
    pub(crate) fn one(self, document: &impl Serialize, words: impl FnOnce() -> String) -> io::Result<()> {
        match self.format {
            OutputFormat::Json => json(document),
            OutputFormat::Table => text(&words()),
        }
    }

    /// Writes one line of a stream without delay.
    pub(crate) fn line(self, document: &impl Serialize, words: impl FnOnce() -> String) -> io::Result<()> {
        match self.format {
            OutputFormat::Json => text(&serde_json::to_string(document)?),
            OutputFormat::Table => text(&words()),
        }
    }
}

fn json(document: &impl Serialize) -> io::Result<()> {
    text(&serde_json::to_string_pretty(document)?)
}

fn text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end())?;
    stdout.flush()
}

/// Table with a rule below its header and no other borders, so that `cut` and `grep` work on its lines.
pub(crate) fn table<R: TableRow>(rows: &[R]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(R::HEADER);
    table.add_rows(rows.iter().map(TableRow::cells));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(index + 1 < R::HEADER.len())));
        if R::NUMBERS.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Two spaces between columns: the padding of a column and the junction.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none().junction(' '));

/// Shortens a text to one line of at most `chars` characters.
pub(crate) fn short(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(chars) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// A number with its noun: `1 stream`, `2 streams`.
pub(crate) fn counted(count: impl Into<u64>, noun: &str) -> String {
    let count = count.into();
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[derive(Serialize)]
    struct CountRow {
        what: &'static str,
        count: u32,
    }

    impl TableRow for CountRow {
        const HEADER: &'static [&'static str] = &["what", "count"];
        const NUMBERS: &'static [usize] = &[1];

        fn cells(&self) -> Vec<String> {
            vec![self.what.to_owned(), self.count.to_string()]
        }
    }

    #[test]
    fn table_has_a_header_and_aligned_columns() {
        let rows = [CountRow { what: "records", count: 7 }, CountRow { what: "ü", count: 12345 }];
        expect![[r#"
            what     count
            ──────────────
            records      7
            ü        12345"#]]
        .assert_eq(&table(&rows));
    }

    #[test]
    fn short_cuts_between_characters() {
        assert_eq!(short("one\n  two", 20), "one two");
        assert_eq!(short("äöü", 2), "äö…");
    }

    #[test]
    fn counted_uses_the_singular_for_one() {
        assert_eq!([0_u64, 1, 2].map(|count| counted(count, "event")), ["0 events", "1 event", "2 events"]);
    }
}
