//! Text tables.

use std::fmt::Write;

/// A table with columns as wide as their widest cell, left-aligned by default.
pub struct Table {
    header: Vec<&'static str>,
    right_aligned: &'static [usize],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows; columns are numbered from 0.
    pub fn new(header: &[&'static str], right_aligned: &'static [usize]) -> Self {
        Self { header: header.to_vec(), right_aligned, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    fn widths(&self) -> Vec<usize> {
        let cells_of = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let width = |(column, title): (usize, &&str)| {
            cells_of(column).map(|cell| cell.chars().count()).chain([title.chars().count()]).max().unwrap_or(0)
        };
        self.header.iter().enumerate().map(width).collect()
    }

    fn line<'a>(&self, widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::from(" ");
        for (column, (cell, width)) in cells.zip(widths).enumerate() {
            let written = if self.right_aligned.contains(&column) {
                write!(line, " {cell:>width$} ")
            } else {
                write!(line, " {cell:<width$} ")
            };
            written.ok();
        }
        line.trim_end().to_owned()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths = self.widths();
        writeln!(f, "{}", self.line(&widths, self.header.iter().copied()))?;
        let rules: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
        writeln!(f, "{}", self.line(&widths, rules.iter().map(String::as_str)))?;
        for row in &self.rows {
            writeln!(f, "{}", self.line(&widths, row.iter().map(String::as_str)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["event", "+ms"], &[1]);
        table.row(vec!["OrderPlaced".into(), "0.0".into()]);
        table.row(vec!["Über".into(), "123.4".into()]);
        let expected = "  event          +ms\n  ───────────  ─────\n  OrderPlaced    0.0\n  Über         123.4\n";
        assert_eq!(table.to_string(), expected);
    }
}
